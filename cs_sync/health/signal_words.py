"""The words of a signal: from the catalogues, or those that a plugin's signal brings."""

from cs_sync.health.signals.registry import get_signal, parse_feature
from cs_sync.health.wording import to_plain_line
from cs_sync.i18n import Translator


def name_signal(name: str, words: Translator) -> str:
    """Return the title of a signal."""
    return get_signal(name).title or _translate(name, "title", words)


def describe_absence(name: str, words: Translator) -> str:
    """Return what is said where a signal's facts are missing."""
    return get_signal(name).absence or _translate(name, "absence", words)


def describe_own_signal(name: str, value: float, words: Translator) -> str:
    """Return the sentence of a plugin's signal for a value."""
    signal = get_signal(name)
    if signal.sentence is not None:
        return to_plain_line(signal.sentence(value, words))
    return words("reason.own_signal", title=signal.title, value=words.number(value))


def _translate(name: str, what: str, words: Translator) -> str:
    feature = to_plain_line(parse_feature(name), 60)
    return words(f"signal.{get_signal(name).key}.{what}", feature=feature)

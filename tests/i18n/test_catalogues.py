"""Every language says everything, with the same fields, in all forms that it has."""

from collections.abc import Iterator
from functools import cache
from string import Formatter

import pytest
from babel import Locale

from cs_sync.follow_ups import PLAYBOOKS
from cs_sync.follow_ups.playbooks.contraction_contact import _CAUSES
from cs_sync.health import SIGNALS
from cs_sync.i18n import LANGUAGES, Language, get_translator
from cs_sync.i18n.catalogue import Message
from cs_sync.i18n.catalogue import read_catalogue as parse_catalogue
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.write_back.fields import build_field_specs

read_catalogue = cache(parse_catalogue)
ENGLISH = read_catalogue("en")
OTHERS = [language for language in LANGUAGES if language != "en"]


def texts(message: Message) -> Iterator[str]:
    yield from [message] if isinstance(message, str) else message.values()


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_there_with_its_fields(language: Language) -> None:
    catalogue = read_catalogue(language)
    assert catalogue.keys() == ENGLISH.keys()
    for key, message in catalogue.items():
        english = ENGLISH[key]
        assert isinstance(message, str) == isinstance(english, str), key
        wanted = set().union(*map(fields, texts(english)))
        for text in texts(message):
            without = fields(text) | {"n"} if "n" in wanted else fields(text)
            assert without == wanted, (key, text)
            assert text.strip() == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_of_the_language_is_there(language: Language) -> None:
    """`zero` besides, where nought is said in another way."""
    forms = {*Locale.parse(language.replace("-", "_")).plural_form.tags, "other"}
    for key, message in read_catalogue(language).items():
        if not isinstance(message, str):
            assert set(message) - {"zero"} == forms, key


@pytest.mark.parametrize("language", OTHERS)
def test_hardly_anything_is_left_in_english(language: Language) -> None:
    same = {
        key
        for key, message in read_catalogue(language).items()
        if message == ENGLISH[key] and any(c.isalpha() for t in texts(message) for c in bare(t))
    }
    terminal = {"column.mrr", "terminal.mrr", "terminal.sample"}
    field = {"column.id", "column.segment", "column.playbook", "topic.onboarding"}
    abbreviations = {
        *terminal,
        *field,
        "reason.nps",
        "metric.dau_mau",
        "report.table.mrr",
        "report.input.nps",
    }
    assert same <= {"follow_up.mrr", "format.day", "format.day_of_year"} | abbreviations


def bare(text: str) -> str:
    return "".join(literal for literal, *_ in Formatter().parse(text))


def test_every_playbook_signal_and_cause_has_its_words() -> None:
    for name in PLAYBOOKS:
        assert any(key.startswith(f"{name}.title") for key in ENGLISH), name
    for name in SIGNALS:
        assert {f"signal.{name}.title", f"signal.{name}.absence"} <= ENGLISH.keys()
    assert {f"contraction_contact.cause.{name}" for name in _CAUSES} <= ENGLISH.keys()
    titles = {f"metric.{metric.name}": metric.title for metric in list_builtin_metrics()}
    assert titles == {key: text for key, text in ENGLISH.items() if key.startswith("metric.")}


def test_fields_in_the_crm_are_called_by_their_names_in_a_language() -> None:
    english, polish = build_field_specs("cs_"), build_field_specs("cs_", get_translator("pl"))
    assert [spec.name for spec in polish] == [spec.name for spec in english]
    assert (english[0].label, polish[0].label) == ("Health score", "Wynik kondycji")
    assert english[1].choices[-1] == ("insufficient", "Not enough data")
    assert polish[1].choices[0] == ("red", "Czerwony")

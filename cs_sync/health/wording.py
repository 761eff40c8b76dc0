"""Parts of sentences: counts, and quoted text of other people."""

import unicodedata

from cs_sync.i18n import Translator

CANCEL_REASONS = frozenset(
    {
        "unused",
        "too_expensive",
        "missing_features",
        "switched_service",
        "low_quality",
        "too_complex",
        "customer_service",
    }
)
"""Reasons that sources give as codes; each has its words in the catalogues."""
NO_REASON = "other"


def describe_cancel_reason(code: str, words: Translator) -> str:
    """Describe a cancellation's reason in words; free text is quoted."""
    name = code.strip().lower().replace(" ", "_")
    if name in CANCEL_REASONS:
        return words(f"cancel_reason.{name}")
    return "" if name == NO_REASON else quote_text(code, words, 60)


def name_topic(topic: str, words: Translator) -> str:
    """Name a topic: a common one translated, another one unchanged."""
    code = topic.strip().lower().replace(" ", "_").replace("-", "_")
    return words.find(f"topic.{code}", to_plain_line(topic.replace("_", " "), 40))


def quote_text(text: str | None, words: Translator, length: int = 140) -> str:
    """Quote a text in one line; empty if there is none."""
    plain = to_plain_line(text, length)
    return words("format.quoted", text=plain) if plain else ""


def append_quote(text: str, comment: str | None, words: Translator, length: int = 140) -> str:
    """Append a quoted comment to a sentence, if there is one."""
    quote = quote_text(comment, words, length)
    return words("format.with_quote", text=text, quote=quote) if quote else text


def to_plain_line(text: str | None, length: int = 140) -> str:
    """Reduce a foreign text to one plain, shortened line."""
    line = " ".join(_strip_controls(text or "").split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    return (cut.rpartition(" ")[0] or cut) + "…"


def _strip_controls(text: str) -> str:
    """Return a text without control characters, any white space as a space."""
    if text.isprintable():
        return text
    return "".join(
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )


def name_answer(kind: str, score: str, highest: str | None, words: Translator) -> str:
    """Name an answer to a survey, as CSAT 4/5.

    NPS is of 10 by definition: NPS 9. A scale of 0 and 1 has names: CSAT: good.
    """
    named = kind.upper()
    if highest == "1" and score in ("0", "1"):
        return f"{named}: {words('rating.good' if score == '1' else 'rating.bad')}"
    return f"{named} {score}" if highest is None or named == "NPS" else f"{named} {score}/{highest}"

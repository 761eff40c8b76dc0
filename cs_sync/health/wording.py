"""Small pieces of sentences: counts, dates, quotations."""

import unicodedata
from datetime import date

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 ticket`, `3 tickets`, `no tickets`."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"


def day_text(day: date, today: date) -> str:
    """`12 Nov`, with the year when it is not today's."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {MONTHS[day.month - 1]}{year}"


def quoted(text: str | None, length: int = 140) -> str:
    """What somebody wrote, in one line between typographic quotes; empty when nothing."""
    said = plain(text, length)
    return f"“{said}”" if said else ""


def plain(text: str | None, length: int = 140) -> str:
    """A foreign text in one line, without control characters, cut at a word's end."""
    letters = (
        " " if letter.isspace() else letter
        for letter in text or ""
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    said = " ".join("".join(letters).split())
    if len(said) <= length:
        return said
    cut = said[: length - 1]
    return (cut.rpartition(" ")[0] or cut) + "…"


def number_text(value: float) -> str:
    """`3`, `5.5`: at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")

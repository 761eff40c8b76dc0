"""Small pieces of sentences: counts, and what other people wrote."""

import unicodedata

from cs_sync.words import Words


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 ticket`, `3 tickets`, `no tickets`."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"


def quoted(text: str | None, words: Words, length: int = 140) -> str:
    """What somebody wrote, in one line between quotation marks; empty when nothing."""
    said = plain(text, length)
    return words("format.quoted", text=said) if said else ""


def with_quote(text: str, comment: str | None, words: Words, length: int = 140) -> str:
    """A sentence with what somebody wrote at its end, where they wrote anything."""
    quote = quoted(comment, words, length)
    return words("format.with_quote", text=text, quote=quote) if quote else text


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

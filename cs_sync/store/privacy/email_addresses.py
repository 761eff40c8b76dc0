"""Find e-mail addresses in text of any kind, whatever surrounds them; pure."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

AT_SIGNS = ("@", "%40", "＠", "﹫", "&#64;", "&#x40;", "&commat;")
"""How the sign is written in text, in addresses of pages, and in HTML; in lower case."""

_AT = re.compile("|".join(map(re.escape, AT_SIGNS)), re.IGNORECASE)
_JOINERS = "._+-'"
"""Signs inside the first part of an address: what they join is one name."""
_MAX_LENGTHS = 64, 255
"""Characters before and after the sign (RFC 5321)."""


def replace_addresses(text: str, replacement: Callable[[str], str | None]) -> str:
    """Replace the known e-mail addresses in a text.

    An address may touch quotation marks, brackets, full stops and letters of scripts written
    without spaces. A longer address with the same ending belongs to somebody else and stays.

    Args:
        text: Any text.
        replacement: Called with each possible address (`name@domain`), the longest first; None
            leaves it unchanged.

    Returns:
        The text with every replaced address.
    """
    parts, done = [], 0
    for at in _AT.finditer(text):
        if at.start() < done:
            continue
        for start, end in _iterate_spans(text, at, done):
            address = f"{text[start : at.start()]}@{text[at.end() : end]}"
            stands = replacement(unquote(address) if at[0] == "%40" else address)
            if stands is not None:
                parts += [text[done:start], stands]
                done = end
                break
    return "".join([*parts, text[done:]])


def _iterate_spans(text: str, at: re.Match[str], done: int) -> Iterator[tuple[int, int]]:
    """Yield the possible spans of the address around a sign.

    As (start, end), longest first.
    """
    ends = list(_iterate_ends(text, at.end()))
    for start in _iterate_starts(text, at.start(), max(done, at.start() - _MAX_LENGTHS[0])):
        yield from ((start, end) for end in ends)


def _iterate_starts(text: str, at: int, first: int) -> Iterator[int]:
    """Yield the possible starts of the part before the sign."""
    start = at
    while start > first and not text[start - 1].isspace() and not _AT.match(text, start - 1):
        start -= 1
    for i in range(start, at):
        if i == start or _can_start_at(text, i, start):
            yield i


def _can_start_at(text: str, i: int, first: int) -> bool:
    """Return whether a name can start at this index.

    The text before it cannot belong to the same name.
    """
    before = i - 1
    while before >= first and text[before] in _JOINERS:
        before -= 1
    if before < first:
        return before < i - 1 or i == first
    kind = _classify_character(text[before])
    joined = before < i - 1
    return (
        kind == "other"
        or kind == "unspaced"
        or (_classify_character(text[i]) == "unspaced" and not joined)
    )


def _iterate_ends(text: str, first: int) -> Iterator[int]:
    """Yield the possible ends of the domain, longest first."""
    end = first
    while end < min(len(text), first + _MAX_LENGTHS[1]) and _is_domain_character(text[end]):
        end += 1
    while end > first and text[end - 1] in ".-":
        end -= 1
    if end > first:
        yield end
        yield from (i for i in range(end - 1, first, -1) if _can_end_at(text, i, end))


def _can_end_at(text: str, i: int, last: int) -> bool:
    """Return whether the domain may end here although more domain characters follow."""
    if text[i] == ".":  # a sentence that begins without a blank
        return i + 1 < last and text[i + 1].isupper() and not text[i - 1].isupper()
    if text[i] == "-":  # no top level domain has one but those in another script
        return "." not in text[i:last] and not text[text.rfind(".", 0, i) + 1 :].startswith("xn--")
    return text[i - 1] not in ".-" and "unspaced" in (
        _classify_character(text[i]),
        _classify_character(text[i - 1]),
    )


def _is_domain_character(sign: str) -> bool:
    return sign in ".-" or _classify_character(sign) != "other"


def _classify_character(sign: str) -> str:
    """Return `word`, `unspaced` for scripts written without spaces, or `other`."""
    category = unicodedata.category(sign)
    if category in ("Lo", "Mn", "Mc"):
        return "unspaced"
    return "word" if category[0] == "L" or category == "Nd" else "other"

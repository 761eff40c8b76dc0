"""Finding e-mail addresses in text of any kind, whatever stands around them; pure."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

AT_SIGNS = ("@", "%40", "＠", "﹫", "&#64;", "&#x40;", "&commat;")
"""How the sign is written in text, in addresses of pages, and in HTML; in lower case."""

_AT = re.compile("|".join(map(re.escape, AT_SIGNS)), re.IGNORECASE)
_JOINS = "._+-'"
"""Signs inside the first part of an address: what they join is one name."""
_LONGEST = 64, 255
"""Characters before and after the sign (RFC 5321)."""


def replace_addresses(text: str, replacement: Callable[[str], str | None]) -> str:
    """Replace the addresses in a text for which there is a replacement.

    An address may touch quotation marks, brackets, full stops and letters of scripts that are
    written without spaces. A longer address that merely ends like it is somebody else's and stays.

    Args:
        text: Any text.
        replacement: Called with each possible address (`name@domain`), the longest first; None
            leaves it.
    """
    kept, done = [], 0
    for at in _AT.finditer(text):
        if at.start() < done:
            continue
        for start, end in _spans(text, at, done):
            address = f"{text[start : at.start()]}@{text[at.end() : end]}"
            stands = replacement(unquote(address) if at[0] == "%40" else address)
            if stands is not None:
                kept += [text[done:start], stands]
                done = end
                break
    return "".join([*kept, text[done:]])


def _spans(text: str, at: re.Match[str], done: int) -> Iterator[tuple[int, int]]:
    """Where an address around the sign may start and end, the longest first."""
    ends = list(_ends(text, at.end()))
    for start in _starts(text, at.start(), max(done, at.start() - _LONGEST[0])):
        yield from ((start, end) for end in ends)


def _starts(text: str, at: int, first: int) -> Iterator[int]:
    """Where the part before the sign may start."""
    start = at
    while start > first and not text[start - 1].isspace() and not _AT.match(text, start - 1):
        start -= 1
    for i in range(start, at):
        if i == start or _may_start(text, i, start):
            yield i


def _may_start(text: str, i: int, first: int) -> bool:
    """Whether what stands before the place cannot belong to the same name."""
    before = i - 1
    while before >= first and text[before] in _JOINS:
        before -= 1
    if before < first:
        return before < i - 1 or i == first
    kind = _kind(text[before])
    joined = before < i - 1
    return kind == "other" or kind == "unspaced" or (_kind(text[i]) == "unspaced" and not joined)


def _ends(text: str, first: int) -> Iterator[int]:
    """Where the domain may end, the longest first."""
    end = first
    while end < min(len(text), first + _LONGEST[1]) and _in_domain(text[end]):
        end += 1
    while end > first and text[end - 1] in ".-":
        end -= 1
    if end > first:
        yield end
        yield from (i for i in range(end - 1, first, -1) if _may_end(text, i, end))


def _may_end(text: str, i: int, last: int) -> bool:
    """Whether the domain may end before the place although more of its kind follows."""
    if text[i] == ".":  # a sentence that begins without a blank
        return i + 1 < last and text[i + 1].isupper() and not text[i - 1].isupper()
    if text[i] == "-":  # no top level domain has one but those in another script
        return "." not in text[i:last] and not text[text.rfind(".", 0, i) + 1 :].startswith("xn--")
    return text[i - 1] not in ".-" and "unspaced" in (_kind(text[i]), _kind(text[i - 1]))


def _in_domain(sign: str) -> bool:
    return sign in ".-" or _kind(sign) != "other"


def _kind(sign: str) -> str:
    """Return `word`, `unspaced` for scripts written without spaces, or `other`."""
    category = unicodedata.category(sign)
    if category in ("Lo", "Mn", "Mc"):
        return "unspaced"
    return "word" if category[0] == "L" or category == "Nd" else "other"

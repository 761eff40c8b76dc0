"""Texts and values as HubSpot takes them: foreign text never becomes markup."""

import html
from datetime import UTC, datetime

LONGEST_BODY = 65_536
_SHORTENED = "…"


def written(value: object) -> str:
    """A value as HubSpot wants it: text; times in UTC to the millisecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = printable(str(value))
    return text if len(text) <= LONGEST_BODY else text[: LONGEST_BODY - 1] + _SHORTENED


def printable(value: str) -> str:
    """Without control characters and halves of characters, which no JSON text may hold."""
    whole = value.encode("utf-8", "replace").decode()
    return "".join(c for c in whole if c in "\n\t" or not ("\0" <= c < " " or c == "\x7f"))


def line(value: str) -> str:
    """Text on one line."""
    return " ".join(printable(value.replace("\r", "\n")).split())


def body_html(value: str, longest: int = LONGEST_BODY) -> str:
    """Text as HTML that shows just that text; too long, it ends in an ellipsis."""
    pieces = ["<br>" if c == "\n" else html.escape(c) for c in printable(value)]
    if sum(map(len, pieces)) <= longest:
        return "".join(pieces)
    kept, room = [], longest - len(_SHORTENED)
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + _SHORTENED

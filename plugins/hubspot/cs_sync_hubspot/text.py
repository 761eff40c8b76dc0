"""Formatting of texts and values for HubSpot: foreign text never becomes markup."""

import html
import re
from datetime import UTC, datetime

MAX_BODY = 65_536
_ELLIPSIS = "…"


def format_value(value: object) -> str:
    """Format a value as text; times in UTC to the millisecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = strip_unprintable(str(value))
    return text if len(text) <= MAX_BODY else text[: MAX_BODY - 1] + _ELLIPSIS


def strip_unprintable(value: str) -> str:
    """Return the text without control characters and lone surrogates."""
    whole = value.encode("utf-8", "replace").decode()
    return "".join(c for c in whole if c in "\n\t" or not ("\0" <= c < " " or c == "\x7f"))


def join_line(value: str) -> str:
    """Return the text on one line."""
    return " ".join(strip_unprintable(value.replace("\r", "\n")).split())


def parse_html(value: str) -> str:
    """Return the words of HTML, whatever its markup and spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", value)).split())


def format_body(value: str) -> str:
    """Format plain text as HTML with links.

    The lines `- name: URL` become links. A quotation ends in a quotation mark, so that no
    customer's text becomes a link.
    """
    made = format_html(value)
    return _LINK.sub(r'\1<a href="\2">\2</a>', made) if len(made) < MAX_BODY else made


_LINK = re.compile(r"(?<![^>])(- [^<]*?: )(https?://[^\s<>\"']+)(?=<br>|$)")


def format_html(value: str, longest: int = MAX_BODY) -> str:
    """Format plain text as HTML; too long, it ends in an ellipsis."""
    pieces = ["<br>" if c == "\n" else html.escape(c) for c in strip_unprintable(value)]
    if sum(map(len, pieces)) <= longest:
        return "".join(pieces)
    shortened, room = [], longest - len(_ELLIPSIS)
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        shortened.append(piece)
    return "".join(shortened) + _ELLIPSIS

"""Zendesk's incremental exports: by cursor for tickets and users, by time for organizations."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.datastructures import QueryParams

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.zendesk.errors import make_invalid_error

PAGE = 1000
HELD_BACK = timedelta(seconds=60)


@dataclass(frozen=True)
class Export:
    """One export: its rows as (unix seconds, id, render), sorted by the first two."""

    name: str
    rows: tuple[tuple[int, int, Callable[[], Json]], ...]


def export_by_cursor(export: Export, query: QueryParams, base: str, now: datetime) -> Json:
    """Answer a cursor export: the rows after a cursor, or since `start_time`."""
    size, newest = _read_page_size(query), int((now - HELD_BACK).timestamp())
    after = _decode_cursor(query["cursor"]) if "cursor" in query else (_start(query, newest), -1)
    ready = [row for row in export.rows if after < (row[0], row[1]) and row[0] <= newest]
    page = ready[:size]
    last = (page[-1][0], page[-1][1]) if page else after
    cursor = _encode_cursor(last)
    return {
        export.name: [render() for _, _, render in page],
        "after_cursor": cursor,
        "after_url": f"{base}/api/v2/incremental/{export.name}/cursor?cursor={cursor}",
        "before_cursor": None,
        "before_url": None,
        "end_of_stream": len(page) == len(ready),
    }


def export_by_time(
    export: Export, query: QueryParams, base: str, now: datetime, most: int = PAGE
) -> Json:
    """Answer a time-based export; pages overlap by one second."""
    size, newest = min(most, _read_page_size(query)), int((now - HELD_BACK).timestamp())
    start = _start(query, newest)
    ready = [row for row in export.rows if start <= row[0] <= newest]
    page = ready[:size]
    end = page[-1][0] if page else None
    url = f"{base}/api/v2/incremental/{export.name}?start_time={end}"
    return {
        export.name: [render() for _, _, render in page],
        "count": len(page),
        "end_time": end,
        "next_page": url if page else None,
        "end_of_stream": len(page) == len(ready),
    }


def _read_page_size(query: QueryParams) -> int:
    return min(PAGE, max(1, int(query.get("per_page", PAGE))))


def _start(query: QueryParams, newest: int) -> int:
    if not query.get("start_time", "").isdigit():
        raise make_invalid_error("start_time is required and must be a unix time", 400)
    start = int(query["start_time"])
    if start > newest:
        raise make_invalid_error("Too recent start_time. Use a start_time older than 60 seconds")
    return start


def _encode_cursor(key: tuple[int, int]) -> str:
    return b64encode(f"{key[0]}.0||{key[1]}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[int, int]:
    try:
        stamp, id_ = b64decode(cursor, validate=True).decode().split(".0||")
        return int(stamp), int(id_)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise make_invalid_error("The cursor is not valid", 400) from None

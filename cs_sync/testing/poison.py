"""Complete responses with a good status and useless content, per type of request."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import httpx

from cs_sync.http import bounds
from cs_sync.testing.fault_transport import Exchange, Fault, SentRequest
from cs_sync.testing.faults import change_document, decode_document, has_json_lines

_OTHER: tuple[Any, ...] = (
    {},
    None,
    "fine",
    {"message": "We will be back soon"},
    {"error": {"message": "Something went wrong", "type": "api_error"}},
    [],
)
ENDLESS = 300
"""Requests of one stream after which a list is taken for one without an end."""


def get_request_kind(request: httpx.Request) -> str:
    """Return method and path of a request, without probable ids."""
    return f"{request.method} {re.sub(r'[^/]*[0-9][^/]*', '*', request.url.path)}"


def list_request_kinds(sent: Iterable[SentRequest]) -> list[str]:
    """Return every kind of request, without duplicates."""
    return list(dict.fromkeys(get_request_kind(exchange.request) for exchange in sent))


def respond_useless(kind: str | None = None, *, asks: bool = True) -> Fault:
    """Respond to requests with useless JSON, varying.

    To requests of a kind, or to all.

    Args:
        kind: The kind of request; None means all.
        asks: Whether the vendor receives the request. A list for a list would be valid, and so
            would no line for JSON Lines: these are left out.
    """
    turns = count()

    def fault(exchange: Exchange) -> httpx.Response:
        if kind not in (None, get_request_kind(exchange.request)):
            return exchange.answer()
        usual = exchange.answer() if asks else httpx.Response(200, json={})
        valid: Any = None if has_json_lines(usual) else []
        is_list = isinstance(decode_document(usual), list)
        fitting = [other for other in _OTHER if not (is_list and other == valid)]
        return httpx.Response(200, json=fitting[next(turns) % len(fitting)])

    return fault


def repeat_page(page: int, change: Callable[[Any], Any]) -> Fault:
    """Repeat this page for its path from now on.

    After too many requests the process dies.
    """
    shown: dict[tuple[str, str], list[httpx.Response]] = {}

    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.number > ENDLESS:
            return exchange.die()
        pages = shown.setdefault((exchange.request.method, exchange.request.url.path), [])
        if len(pages) < page:
            pages.append(exchange.answer())
        return _replace_document(pages[-1], change) if len(pages) == page else pages[-1]

    return fault


def keep_document(document: Any) -> Any:
    """Return the document unchanged; for `same_again`."""
    return document


def empty_lists(document: Any) -> Any:
    """Empty the lists of a document, but not its cursors; for `same_again`."""
    if not isinstance(document, dict):
        return document
    return {name: [] if isinstance(value, list) else value for name, value in document.items()}


def respond_zip_bomb(_exchange: Exchange) -> httpx.Response:
    """Respond with a small body that decompresses beyond the limit."""
    packer = zlib.compressobj(9, wbits=31)
    pieces = (
        packer.compress(b" " * bounds.CHUNK_BYTES)
        for _ in range(bounds.MAX_BYTES // bounds.CHUNK_BYTES + 2)
    )
    content = b"".join((*pieces, packer.flush()))
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return httpx.Response(200, headers=headers, stream=_RawStream([content]))


def drip_response(sleep: Callable[[float], object]) -> Fault:
    """Respond with one byte every five seconds, endlessly."""

    def drops() -> Iterator[bytes]:
        while True:
            sleep(5)
            yield b" "

    headers = {"content-type": "application/json"}
    return lambda _exchange: httpx.Response(200, headers=headers, stream=_RawStream(drops()))


class _RawStream(httpx.SyncByteStream):
    """A body as it arrives: in parts, not decompressed."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts


def _replace_document(response: httpx.Response, change: Callable[[Any], Any]) -> httpx.Response:
    return change_document(response, change) if response.is_success else response

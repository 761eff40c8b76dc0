"""Whole answers with a good status that are none, for every kind of request in turn."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import httpx
import orjson

from cs_sync.http import bounds
from cs_sync.testing.faults import plain_headers
from cs_sync.testing.wire import Exchange, Fault, Sent

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


def kind_of(request: httpx.Request) -> str:
    """Its method and path, without what may be an id."""
    return f"{request.method} {re.sub(r'[^/]*[0-9][^/]*', '*', request.url.path)}"


def kinds_of(sent: Iterable[Sent]) -> list[str]:
    """Every kind of request, each once."""
    return list(dict.fromkeys(kind_of(one.request) for one in sent))


def no_answer(kind: str | None = None, *, asks: bool = True) -> Fault:
    """Requests of a kind, or all, are answered by JSON that says nothing: another one each time.

    `asks` False: the vendor never hears of it. A list for a list would be an answer: of those
    that answer so, an empty one is left out.
    """
    turns = count()

    def fault(exchange: Exchange) -> httpx.Response:
        if kind not in (None, kind_of(exchange.request)):
            return exchange.answer()
        usual = _document(exchange.answer()) if asks else {}
        fitting = [other for other in _OTHER if not (isinstance(usual, list) and other == [])]
        return httpx.Response(200, json=fitting[next(turns) % len(fitting)])

    return fault


def same_again(page: int, change: Callable[[Any], Any]) -> Fault:
    """From this page on a path shows that page again; after too many requests it dies."""
    shown: dict[tuple[str, str], list[httpx.Response]] = {}

    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.number > ENDLESS:
            return exchange.die()
        pages = shown.setdefault((exchange.request.method, exchange.request.url.path), [])
        if len(pages) < page:
            pages.append(exchange.answer())
        return _with(pages[-1], change) if len(pages) == page else pages[-1]

    return fault


def as_it_was(document: Any) -> Any:
    """For `same_again`."""
    return document


def without_rows(document: Any) -> Any:
    """For `same_again`: the lists of a document emptied; what says where they go on stays."""
    if not isinstance(document, dict):
        return document
    return {name: [] if isinstance(held, list) else held for name, held in document.items()}


def bomb(_exchange: Exchange) -> httpx.Response:
    """A small body that unpacks to more than any answer may hold."""
    packer = zlib.compressobj(9, wbits=31)
    pieces = (
        packer.compress(b" " * bounds.PIECE) for _ in range(bounds.LARGEST // bounds.PIECE + 2)
    )
    content = b"".join((*pieces, packer.flush()))
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return httpx.Response(200, headers=headers, stream=_Parts([content]))


def dripping(sleep: Callable[[float], object]) -> Fault:
    """A byte every five seconds, for ever."""

    def drops() -> Iterator[bytes]:
        while True:
            sleep(5)
            yield b" "

    headers = {"content-type": "application/json"}
    return lambda _exchange: httpx.Response(200, headers=headers, stream=_Parts(drops()))


class _Parts(httpx.SyncByteStream):
    """A body as it comes from a connection: bit by bit, and not unpacked."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts


def _document(response: httpx.Response) -> Any:
    return orjson.loads(response.content) if response.content else None


def _with(response: httpx.Response, change: Callable[[Any], Any]) -> httpx.Response:
    if not response.is_success:
        return response
    content = orjson.dumps(change(_document(response)))
    return httpx.Response(response.status_code, headers=plain_headers(response), content=content)

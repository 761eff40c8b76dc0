"""The ways in which an answer does not arrive as it should."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson

from cs_sync.testing.wire import Exchange, Fault

Change = Callable[[Any], Any]
"""A decoded JSON body → what it becomes."""


def once(fault: Fault) -> Fault:
    """The fault meets every request when it is sent first; sent again, it is answered."""
    return lambda exchange: exchange.answer() if exchange.sent.again else fault(exchange)


def after(count: int, fault: Fault) -> Fault:
    """The fault meets every request after so many."""
    return lambda exchange: fault(exchange) if exchange.number > count else exchange.answer()


def in_turn(*faults: Fault) -> Fault:
    """One fault after the other, and the first again."""
    return lambda exchange: faults[exchange.number % len(faults)](exchange)


def status(code: int, **headers: str) -> Fault:
    """The vendor answers with an error and does nothing; `_` in header names means `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"message": f"no: {code}"}
    return lambda _exchange: httpx.Response(code, headers=named, json=body)


def lost(error: type[httpx.RequestError], *, done: bool = False) -> Fault:
    """No answer arrives; `done` when the vendor did what was asked before that."""

    def fault(exchange: Exchange) -> httpx.Response:
        if done:
            exchange.answer()
        raise error("lost by the test", request=exchange.request)

    return fault


def cut(exchange: Exchange) -> httpx.Response:
    """Half of the body arrives and the connection ends: fewer bytes than were announced."""
    response = exchange.answer()
    content = response.content
    headers = {**plain_headers(response), "content-length": str(len(content))}
    return httpx.Response(response.status_code, headers=headers, stream=_Half(content))


def shortened(exchange: Exchange) -> httpx.Response:
    """Half of the body arrives and looks complete: a proxy announced what it had."""
    response = exchange.answer()
    half = response.content[: len(response.content) // 2]
    return httpx.Response(response.status_code, headers=plain_headers(response), content=half)


def web_page(exchange: Exchange) -> httpx.Response:  # noqa: ARG001 - asks nobody
    """A proxy answers in the vendor's place, and says that all is well."""
    return httpx.Response(200, html="<html><body>We will be back soon</body></html>")


def rewritten(change: Change) -> Fault:
    """Good JSON answers are changed on their way."""

    def fault(exchange: Exchange) -> httpx.Response:
        response = exchange.answer()
        if not response.is_success or "json" not in response.headers.get("content-type", ""):
            return response
        changed = change(orjson.loads(response.content))
        content = changed if isinstance(changed, bytes) else orjson.dumps(changed)
        return httpx.Response(
            response.status_code, headers=plain_headers(response), content=content
        )

    return fault


class OtherTexts:
    """For `rewritten`: other texts in the fields of these names, the same for the same."""

    def __init__(self, names: tuple[str, ...], texts: tuple[str, ...], most: int = 10**6) -> None:
        self._names, self._texts, self._most = names, texts, most
        self.used: dict[str, str] = {}

    def __call__(self, body: Any) -> bytes:
        """The document with the other texts."""
        return json.dumps(self._walk(body)).encode()

    def _walk(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._walk(held, key) for key, held in value.items()}
        if isinstance(value, list):
            return [self._walk(held, name) for held in value]
        if name in self._names and isinstance(value, str) and value:
            return self._other(value)
        return value

    def _other(self, text: str) -> str:
        if text not in self.used and len(self.used) < self._most:
            self.used[text] = self._texts[len(self.used) % len(self._texts)]
        return self.used.get(text, text)


class _Half(httpx.SyncByteStream):
    """Gives half of the bytes, then the connection is gone."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx.RemoteProtocolError("peer closed connection without sending complete body")


def plain_headers(response: httpx.Response) -> dict[str, str]:
    """The headers, without those that the new body decides."""
    decided = ("content-length", "transfer-encoding", "content-encoding")
    return {name: value for name, value in response.headers.items() if name not in decided}

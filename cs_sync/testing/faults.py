"""Faults of responses on their way."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson

from cs_sync.testing.fault_transport import Exchange, Fault

Change = Callable[[Any], Any]
"""A decoded JSON body → what it becomes."""


def fail_once(fault: Fault) -> Fault:
    """Apply the fault to the first attempt of every request.

    Retries are answered.
    """
    return lambda exchange: exchange.answer() if exchange.sent.again else fault(exchange)


def fail_in_turn(*faults: Fault) -> Fault:
    """Apply one fault after the other, then start again."""
    return lambda exchange: faults[exchange.number % len(faults)](exchange)


def respond_status(code: int, **headers: str) -> Fault:
    """Respond with an error status, doing nothing.

    `_` in header names means `-`.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"message": f"no: {code}"}
    return lambda _exchange: httpx.Response(code, headers=named, json=body)


def lose_response(error: type[httpx.RequestError], *, done: bool = False) -> Fault:
    """Lose the response; `done` if the vendor performs the request before that."""

    def fault(exchange: Exchange) -> httpx.Response:
        if done:
            exchange.answer()
        raise error("lost by the test", request=exchange.request)

    return fault


def cut_response(exchange: Exchange) -> httpx.Response:
    """Deliver half of the body, then end the connection.

    Fewer bytes than announced.
    """
    response = exchange.answer()
    content = response.content
    headers = {**drop_body_headers(response), "content-length": str(len(content))}
    return httpx.Response(response.status_code, headers=headers, stream=_BrokenStream(content))


def truncate_response(exchange: Exchange) -> httpx.Response:
    """Deliver half of the body as if complete.

    A proxy announced what it had.
    """
    response = exchange.answer()
    half = response.content[: len(response.content) // 2]
    return httpx.Response(response.status_code, headers=drop_body_headers(response), content=half)


def respond_web_page(exchange: Exchange) -> httpx.Response:  # noqa: ARG001 - asks nobody
    """Respond with a proxy's web page and status 200."""
    return httpx.Response(200, html="<html><body>We will be back soon</body></html>")


def rewrite_response(change: Change) -> Fault:
    """Change good JSON responses on their way.

    JSON Lines as the list of their documents.
    """

    def fault(exchange: Exchange) -> httpx.Response:
        response = exchange.answer()
        return change_document(response, change) if response.is_success else response

    return fault


def change_document(response: httpx.Response, change: Change) -> httpx.Response:
    """Return a response with its document changed, if it has one."""
    document = decode_document(response)
    if document is None:
        return response
    changed = change(document)
    if has_json_lines(response):
        rows = json.loads(changed) if isinstance(changed, bytes) else changed
        content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    else:
        content = changed if isinstance(changed, bytes) else orjson.dumps(changed)
    return httpx.Response(
        response.status_code, headers=drop_body_headers(response), content=content
    )


def decode_document(response: httpx.Response) -> Any:
    """Return what a JSON body says; None without one.

    Of JSON Lines, the list of documents.
    """
    if has_json_lines(response):
        return [orjson.loads(line) for line in response.content.splitlines()]
    said_json = "json" in response.headers.get("content-type", "")
    return orjson.loads(response.content) if said_json and response.content else None


def has_json_lines(response: httpx.Response) -> bool:
    """Return whether a body has a document in each line."""
    named = response.headers.get("content-type", "").partition(";")[0]
    return named in ("application/x-ndjson", "application/jsonl", "text/plain")


class TextReplacer:
    """For `rewritten`: replaces texts in these fields, equal texts by equal ones."""

    def __init__(self, names: tuple[str, ...], texts: tuple[str, ...], most: int = 10**6) -> None:
        self._names, self._texts, self._most = names, texts, most
        self.used: dict[str, str] = {}

    def __call__(self, body: Any) -> bytes:
        """Return the document with the replaced texts."""
        return json.dumps(self._walk(body)).encode()

    def _walk(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._walk(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._walk(item, name) for item in value]
        if name in self._names and isinstance(value, str) and value:
            return self._other(value)
        return value

    def _other(self, text: str) -> str:
        if text not in self.used and len(self.used) < self._most:
            self.used[text] = self._texts[len(self.used) % len(self._texts)]
        return self.used.get(text, text)


class _BrokenStream(httpx.SyncByteStream):
    """Yields half of the bytes, then breaks the connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx.RemoteProtocolError("peer closed connection without sending complete body")


def drop_body_headers(response: httpx.Response) -> dict[str, str]:
    """Return the headers without those that depend on the body."""
    decided = ("content-length", "transfer-encoding", "content-encoding")
    return {name: value for name, value in response.headers.items() if name not in decided}

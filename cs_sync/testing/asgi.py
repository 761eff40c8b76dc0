"""Answers of an ASGI application, in this process and without a socket."""

import asyncio
import atexit
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

import httpx

_turn = Lock()


def asgi_answers(app: Any) -> Callable[[httpx.Request], httpx.Response]:
    """A function for `VendorFake.answer` that asks the application, one request at a time."""

    def answer(request: httpx.Request) -> httpx.Response:
        with _turn:
            return _loop().run_until_complete(_ask(app, request))

    return answer


async def _ask(app: Any, request: httpx.Request) -> httpx.Response:
    """One exchange of messages; httpx's own transport is made for real servers and slower."""
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(_scope(request), receive, send)
    start, *parts = said
    content = b"".join(part.get("body", b"") for part in parts)
    return httpx.Response(start["status"], headers=start.get("headers", []), content=content)


def _scope(request: httpx.Request) -> dict[str, Any]:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "server": (url.host, url.port),
        "client": ("127.0.0.1", 123),
        "root_path": "",
    }


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop for all requests: a loop of its own would cost more than the answer."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop

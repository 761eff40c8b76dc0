"""Responses of an ASGI application, in this process and without a socket."""

import asyncio
import atexit
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

import httpx

_request_lock = Lock()


def make_asgi_answer(app: Any) -> Callable[[httpx.Request], httpx.Response]:
    """Make a `VendorFake.answer` that calls the application.

    One call at a time.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        with _request_lock:
            return _event_loop().run_until_complete(_call_application(app, request))

    return answer


async def _call_application(app: Any, request: httpx.Request) -> httpx.Response:
    """Exchange one request and response.

    httpx's own transport is made for real servers and slower.
    """
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(_build_scope(request), receive, send)
    start, *parts = messages
    content = b"".join(part.get("body", b"") for part in parts)
    return httpx.Response(start["status"], headers=start.get("headers", []), content=content)


def _build_scope(request: httpx.Request) -> dict[str, Any]:
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
def _event_loop() -> asyncio.AbstractEventLoop:
    """Return the shared event loop.

    One per request would cost more than the response.
    """
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop

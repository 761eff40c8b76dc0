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
    transport = httpx.ASGITransport(app)

    async def ask(request: httpx.Request) -> httpx.Response:
        response = await transport.handle_async_request(request)
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    def answer(request: httpx.Request) -> httpx.Response:
        with _turn:
            return _loop().run_until_complete(ask(request))

    return answer


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop for all requests: a loop of its own would cost more than the answer."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop

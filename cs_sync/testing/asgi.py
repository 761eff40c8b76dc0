"""Answers of an ASGI application, in this process and without a socket."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx


def asgi_answers(app: Any) -> Callable[[httpx.Request], httpx.Response]:
    """A function for `VendorFake.answer` that asks the application."""
    transport = httpx.ASGITransport(app)

    async def answer(request: httpx.Request) -> httpx.Response:
        response = await transport.handle_async_request(request)
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    return lambda request: asyncio.run(answer(request))

"""Switches for tests: make the next answers of a path fail, or slow every answer down."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cs_sync_sandbox.answers import Json, make_json_response


class Fault(BaseModel):
    """One fault: which paths, how many times, and what happens instead of the answer.

    `status` answers so without doing the work; `drop` does the work and closes the connection;
    `truncate` does the work and sends the first half of the body with the full length announced.
    Exactly one of the three.
    """

    model_config = ConfigDict(extra="forbid")

    path: str
    method: str | None = None
    times: int = 1
    status: int | None = None
    body: str = "upstream unavailable"
    headers: dict[str, str] = {}
    drop: bool = False
    truncate: bool = False

    def fits(self, method: str, path: str) -> bool:
        """Whether this fault concerns the request."""
        return self.method in {None, method} and re.search(self.path, path) is not None


@dataclass
class Faults:
    """The faults still to come, oldest first."""

    pending: list[Fault] = field(default_factory=list)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that fits and count it down."""
        for fault in self.pending:
            if fault.fits(method, path):
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None

    async def post(self, request: Request) -> Response:
        """POST /_sandbox/faults: a list of faults replaces those pending; `[]` clears them."""
        try:
            self.pending = [
                Fault.model_validate(fault) for fault in orjson.loads(await request.body())
            ]
        except (orjson.JSONDecodeError, TypeError, ValidationError) as error:
            return make_json_response({"error": str(error)}, 400)
        return make_json_response({"pending": len(self.pending)})


class Disturbed:
    """ASGI middleware that plays the faults and the latency."""

    def __init__(self, app: ASGIApp, faults: Faults, latency: float) -> None:
        self.app, self.faults, self.latency = app, faults, latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, disturbed if a fault fits it."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self.app(scope, receive, send)
            return
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self.faults.take(scope["method"], scope["path"])
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.status is not None:
            answer = Response(fault.body, fault.status, fault.headers)
            await answer(scope, receive, send)
        else:
            await self._spoiled(fault, scope, receive, send)

    async def _spoiled(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Do the work, then lose all or half of the answer.

        On the way.
        """
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, keep)
        # Announcing the whole length and returning early makes the server close the connection.
        await send(sent[0])
        if fault.truncate:
            body = b"".join(message.get("body", b"") for message in sent[1:])
            await send(_make_body_part(body[: len(body) // 2]))


def _make_body_part(body: bytes) -> Json:
    return {"type": "http.response.body", "body": body, "more_body": True}

"""The loopback server, a process of its own: `python -m benchmarks.sync.vendors.server`."""

import argparse
import asyncio
import socket
import time
from urllib.parse import parse_qs

import orjson
import uvicorn

from benchmarks.asgi import Receive, Scope, Send, read_body, send_json
from benchmarks.sync.vendors.hubspot import HubSpot
from benchmarks.sync.vendors.limits import Guard, Limit
from benchmarks.sync.vendors.stripe import Stripe

CONTROL = "/control/"
JUST_NOW = 60
"""Changes are dated so many seconds back: before the second run's window ends."""


class Vendors:
    """Both vendors as one ASGI application; the paths tell them apart."""

    def __init__(self, size: int, latency: float, *, limited: bool) -> None:
        now = int(time.time())
        self.stripe, self.hubspot = Stripe(size, now), HubSpot(size, now)
        self.latency = latency
        self.guard = Guard(limited)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, query = scope["path"], parse_qs(scope["query_string"].decode())
        body = await read_body(receive) if scope["method"] == "POST" else b""
        if path.startswith(CONTROL):
            await send_json(send, 200, orjson.dumps(self._control(path, query)))
            return
        broken = self.guard.admit(path, time.monotonic())
        if self.latency:
            await asyncio.sleep(self.latency)
        if broken is not None:
            await send_json(send, 429, _refusal(broken))
            return
        answer = self._answer(path, query, body)
        await send_json(send, 200 if answer else 404, answer or b"{}")

    def _answer(self, path: str, query: dict[str, list[str]], body: bytes) -> bytes | None:
        if path.startswith("/v1/"):
            return self.stripe.answer(path, query)
        return self.hubspot.answer(path, query, body)

    def _control(self, path: str, query: dict[str, list[str]]) -> object:
        """`counts` since the last call of it, or `change` a share of all objects."""
        if path == f"{CONTROL}change":
            share, at = float(query["share"][0]), int(time.time()) - JUST_NOW
            return [self.stripe.change(share, at), self.hubspot.change(share, at)]
        counts = self.guard.counts()
        self.guard.forget()
        return counts


def _refusal(limit: Limit) -> bytes:
    if limit.vendor == "stripe":
        return orjson.dumps({"error": {"type": "invalid_request_error", "code": "rate_limit"}})
    return orjson.dumps(
        {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
    )


def main() -> None:
    """Serve until killed; the first line of output is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--limited", action="store_true")
    given = parser.parse_args()
    application = Vendors(given.size, given.latency, limited=given.limited)
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(application, log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()

"""The loopback server, a process of its own: a webhook's receiver, and HubSpot's batch calls."""

import argparse
import asyncio
import socket
import time
from collections import Counter
from typing import Any

import orjson
import uvicorn

from benchmarks.asgi import Receive, Scope, Send, read_body, send_json
from benchmarks.sync.vendors.limits import Guard

HOOK, COUNTS = "/hook", "/counts"


class Receivers:
    """Both as one ASGI application; the limits are HubSpot's, enforced on rolling windows."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.guard = Guard(enforced=True)
        self.messages: dict[str, list[str]] = {}
        """Account → ids of its messages, as they came."""
        self.written: Counter[str] = Counter()
        """Record id of HubSpot's → how often it was written."""
        self.began = self.ended = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, body = scope["path"], await read_body(receive)
        if path == COUNTS:
            await send_json(send, 200, orjson.dumps(self._count()))
            return
        broken = self.guard.admit(path, time.monotonic())
        self.began = self.began or time.monotonic()
        await asyncio.sleep(self.latency)
        self.ended = time.monotonic()
        if broken is not None:
            await send_json(send, 429, b'{"status":"error","policyName":"TEN_SECONDLY_ROLLING"}')
        elif path == HOOK:
            message = orjson.loads(body)
            self.messages.setdefault(message["account"], []).append(message["key"])
            await send_json(send, 200, b"{}")
        else:
            await send_json(send, 200, orjson.dumps(self._answer_hubspot(path, body)))

    def _answer_hubspot(self, path: str, body: bytes) -> dict[str, Any]:
        if not path.endswith(("/batch/update", "/batch/read")):
            return {"results": []}
        inputs = orjson.loads(body)["inputs"]
        if path.endswith("/batch/update"):
            self.written.update(item["id"] for item in inputs)
        trace = "objectWriteTraceId"
        results = [
            {"id": item["id"], "properties": {}, **({trace: item[trace]} if trace in item else {})}
            for item in inputs
        ]
        return {"status": "COMPLETE", "results": results}

    def _count(self) -> dict[str, Any]:
        return {
            **self.guard.counts(),
            "seconds": self.ended - self.began,
            "messages": sum(map(len, self.messages.values())),
            "in_order": all(keys == sorted(keys) for keys in self.messages.values()),
            "written": sum(self.written.values()),
        }


def main() -> None:
    """Serve until killed; the first line of output is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.1)
    given = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    application = Receivers(given.latency)
    config = uvicorn.Config(application, log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()

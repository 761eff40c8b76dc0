"""`python -m cs_sync_sandbox`: serves Acme on loopback and prints the address."""

from __future__ import annotations

import argparse
import gc
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime

import uvicorn

from cs_sync_sandbox.server import create_app
from cs_sync_sandbox.world import build_world
from cs_sync_sandbox.world.usage import DAYS


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the world, listen on loopback, and serve.

    The address is printed as the first line.
    """
    options = _build_parser().parse_args(arguments)
    world = build_world(options.seed, options.today, options.accounts, options.usage_days)
    app = create_app(world, limits=options.limits, latency=options.latency)
    gc.freeze()  # the world stays: collections need not walk through it again and again
    listener = socket.create_server(("127.0.0.1", options.port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    if options.tied:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    finally:
        gc.unfreeze()  # or DuckDB reports its own types as leaked


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cs_sync_sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--accounts", type=int, default=400)
    parser.add_argument("--usage-days", type=int, default=DAYS, help="how far back usage goes")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds per answer")
    parser.add_argument("--no-limits", dest="limits", action="store_false")
    parser.add_argument("--tied", action="store_true", help="end when standard input closes")
    return parser


def _end_with_parent() -> None:
    """Wait for standard input to close, then exit.

    It closes however the parent ends.
    """
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()

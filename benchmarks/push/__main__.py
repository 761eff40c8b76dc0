"""`python -m benchmarks.push --size 10000`: the write-back's own way to each destination.

A plan of one update per account goes through ledger, client and connector. Each push ends by
itself: what is not written within `--seconds` is stopped and counted as left.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from cs_sync.contracts.destination import Op, Value
from cs_sync.contracts.errors import CsSyncError
from cs_sync.http import VendorHttp
from cs_sync.plugins import load_plugins
from cs_sync.store.engine import open_store
from cs_sync.store.leases import LeasedStore, acquire_lease
from cs_sync.store.migrate import migrate_schema
from cs_sync.write_back.drift import RemoteState
from cs_sync.write_back.plan import DesiredRecord, make_plan
from cs_sync.write_back.writer import DestinationWriter, read_remote_state

SETTINGS: dict[str, dict[str, str]] = {
    "webhook": {"url": "{}/hook", "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    "hubspot": {"base_url": "{}", "access_token": "pat-na1-benchmark"},
}


def main() -> None:
    """Push to both destinations and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push", description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="messages, and companies")
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--seconds", type=float, default=300.0, help="at most, per destination")
    given = parser.parse_args()
    print("| | requests | 429s | took s | CPU s | slowest limit allows in s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in SETTINGS:
        with serve(given.latency) as url:
            cpu = push(name, url, given.size, given.seconds)
            seen = httpx.get(f"{url}/counts", timeout=60).json()
        if name == "webhook" and not (seen["messages"] == given.size and seen["in_order"]):
            raise SystemExit(f"webhook: {seen['messages']} messages, in order: {seen['in_order']}")
        if name == "hubspot" and seen["written"] != given.size:
            raise SystemExit(f"hubspot: {seen['written']} companies were written")
        requests = seen["messages"] or seen["requests"]["hubspot"]
        share = f"{seen['allows_in']:.1f} | {seen['allows_in'] / seen['seconds']:.0%}"
        limit = share if name == "hubspot" else " | "
        took = f"{seen['seconds']:.1f} | {cpu:.1f}"
        print(f"| {name} | {requests} | {seen['refused']} | {took} | {limit} |")


def push(name: str, url: str, size: int, seconds: float) -> float:
    """Look at the records, plan and write; return user CPU seconds."""
    made: Any = load_plugins().destinations[name]
    settings = {key: text.format(url) for key, text in SETTINGS[name].items()}
    stopping = threading.Event()
    timer = threading.Timer(seconds, stopping.set)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'store.db'}")
        migrate_schema(store, utc_now())
        with store.write() as connection:
            lease = acquire_lease(connection, "run", utc_now())
        with VendorHttp(name, made.limits, sleep=lambda s: sleep(stopping, s)) as client:
            destination = made(made.Config.model_validate(settings), client)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
            timer.start()
            leased = LeasedStore(store, lease)
            writer = DestinationWriter(
                leased, name, destination, "run", utc_now, lambda _event: None
            )
            desired = list(list_records(name, size))
            remote = read_remote_state(destination, desired, writer.entries())
            if remote == RemoteState() and name == "hubspot":
                raise SystemExit("hubspot was not looked at")
            writes = writer.push(make_plan(desired, writer.entries(), "cs_"))
            timer.cancel()
            used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
        store.close()
    if writes.problems:
        raise SystemExit(f"{name}: {writes.describe_problems()}")
    return used


def list_records(name: str, size: int) -> Iterator[DesiredRecord]:
    """Yield one score per company, or a score and a follow-up for each of half as many accounts."""
    scores = size if name == "hubspot" else size // 2
    fields: dict[str, Value] = {
        "cs_health_score": 41.5,
        "cs_health_band": "red",
        "cs_health_reasons": "Logins fell by half.\nOne invoice is open.",
        "cs_mrr": 1290.0,
        "cs_mrr_currency": "EUR",
        "cs_updated_at": utc_now(),
    }
    for number in range(scores):
        account = f"{1_000_000 + number}"
        yield DesiredRecord(Op("account", account, fields, remote_id=account), account)
    for number in range(size - scores):
        account = f"{1_000_000 + number}"
        task: dict[str, Value] = {"title": "Call them", "body": "Ask.", "due_at": utc_now()}
        key = f"{account}-task"
        yield DesiredRecord(Op("follow_up", key, task, account_remote_id=account), account)


@contextmanager
def serve(latency: float) -> Iterator[str]:
    """Run the server; yield its address."""
    command = [sys.executable, "-m", "benchmarks.push.server", "--latency", str(latency)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise SystemExit("the loopback server did not start")
        yield address
    finally:
        process.terminate()
        process.wait()


def sleep(stopping: threading.Event, seconds: float) -> None:
    """Sleep, unless the time is up."""
    if stopping.wait(seconds):
        raise CsSyncError("the time is up")


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


if __name__ == "__main__":
    main()

"""`python -m benchmarks.push --size 10000`: the write-back's own way to each destination.

A plan of one update per account goes through ledger, client and connector, and then the same is
wanted again and compared with the ledger. Each push ends by itself: what is not written within
`--seconds` is stopped and counted as left. Peak memory is that of the process so far, so name one
destination to learn its own.
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


NOW = datetime.now(UTC)
"""What is wanted again is wanted as of the same time."""


def main() -> None:
    """Push to both destinations and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push", description=__doc__)
    parser.add_argument("destinations", nargs="*", help=f"of {', '.join(SETTINGS)}; or all")
    parser.add_argument("--size", type=int, default=10_000, help="messages, and companies")
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--seconds", type=float, default=300.0, help="at most, per destination")
    given = parser.parse_args()
    print(
        "| | requests | 429s | took s | CPU s | CPU s again | peak MB | limit allows in s | ratio |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in given.destinations or SETTINGS:
        with serve(given.latency) as url:
            cpu, again = push(name, url, given.size, given.seconds)
            seen = httpx.get(f"{url}/counts", timeout=60).json()
        if name == "webhook" and not (seen["messages"] == given.size and seen["in_order"]):
            raise SystemExit(f"webhook: {seen['messages']} messages, in order: {seen['in_order']}")
        if name == "hubspot" and seen["written"] != given.size:
            raise SystemExit(f"hubspot: {seen['written']} companies were written")
        requests = seen["messages"] or seen["requests"]["hubspot"]
        share = f"{seen['allows_in']:.1f} | {seen['allows_in'] / seen['seconds']:.0%}"
        limit = share if name == "hubspot" else " | "
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        took = f"{seen['seconds']:.1f} | {cpu:.1f} | {again:.2f} | {peak:.0f}"
        print(f"| {name} | {requests} | {seen['refused']} | {took} | {limit} |")


def push(name: str, url: str, size: int, seconds: float) -> tuple[float, float]:
    """Look at the records, plan and write; then plan once more.

    Returns:
        The user CPU seconds of either.
    """
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
            before = read_cpu_seconds()
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
            written = read_cpu_seconds()
            del desired
            again = make_plan(list(list_records(name, size)), writer.entries(), "cs_")
            compared = read_cpu_seconds()
        store.close()
    if writes.problems:
        raise SystemExit(f"{name}: {writes.describe_problems()}")
    if any(item.op for item in again):
        raise SystemExit(f"{name}: what was written is to be written again")
    return written - before, compared - written


def read_cpu_seconds() -> float:
    """Return the user CPU seconds of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def list_records(name: str, size: int) -> Iterator[DesiredRecord]:
    """Yield one score per company, or a score and a follow-up for each of half as many accounts."""
    scores = size if name == "hubspot" else size // 2
    for number in range(scores):
        account = f"{1_000_000 + number}"
        fields: dict[str, Value] = {
            "cs_health_score": 41.5 + number % 50,
            "cs_health_band": "red",
            "cs_health_reasons": f"Logins fell by {number % 90} %.\n{number} invoices are open.",
            "cs_mrr": 1290.0 + number,
            "cs_mrr_currency": "EUR",
            "cs_updated_at": NOW,
        }
        yield DesiredRecord(Op("account", account, fields, remote_id=account), account)
    for number in range(size - scores):
        account = f"{1_000_000 + number}"
        task: dict[str, Value] = {"title": "Call them", "body": "Ask.", "due_at": NOW}
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

"""The file with what a run measured, replaced in one step."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import Struct

from cs_sync.contracts.errors import LeaseHeld
from cs_sync.contracts.events import Event
from cs_sync.export.prometheus import Gauge, Sample, format_gauges
from cs_sync.plugins.distributions import DISTRIBUTION
from cs_sync.queries.day import DayView
from cs_sync.report.risk import RiskSum
from cs_sync.runtime.run_result import RunSummary
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.alerts import read_alerts
from cs_sync.store.runs import read_last_successes, read_runs_of
from cs_sync.sync.session import Interrupted
from cs_sync_schemas.money import to_major_units

STATUSES = ("ok", "partial", "failed", "interrupted")
READABLE = 0o644
"""node_exporter runs as a user of its own; the file holds no customer's data."""
STREAM_COUNTS = {
    "records": "Records read in the last run.",
    "rejected": "Records rejected in the last run.",
    "deleted": "Records soft-deleted in the last run.",
    "requests": "Requests sent in the last run.",
    "waited_seconds": "Time waited for the vendor in the last run.",
}


class RunFigures(Struct, frozen=True):
    """What a complete run computed."""

    summary: RunSummary
    day: DayView
    risk: RiskSum | None


@contextmanager
def measure_failure(workspace: Workspace) -> Iterator[None]:
    """Write the file when the body raises.

    Not when another run is in progress.
    """
    try:
        yield
    except (LeaseHeld, Interrupted):
        raise
    except Exception:
        for note in write_metrics_file(workspace):
            workspace.emit(Event("warning", workspace.clock(), detail={"message": note}))
        raise


def write_metrics_file(workspace: Workspace, figures: RunFigures | None = None) -> list[str]:
    """Replace the file of `[metrics_file]` in one step.

    Args:
        workspace: The workspace.
        figures: What the run computed; None if it failed.

    Returns:
        A note if the file cannot be written.
    """
    given = workspace.config.metrics_file.path
    if given is None:
        return []
    path = workspace.config.folder / given
    text = format_gauges(
        [*_measure_runs(workspace), *(_measure_accounts(workspace, figures) if figures else ())],
        {"workspace": workspace.config.workspace.name},
    )
    try:
        _replace(path, text)
    except OSError as error:
        return [
            f"{path} cannot be written: {error.strerror}\n"
            "  → make its folder writable for this user, or set another [metrics_file] path"
        ]
    return []


def _replace(path: Path, text: str) -> None:
    """Write beside the file and rename.

    A reader sees the old text or the new one.
    """
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=READABLE)
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)


def _measure_runs(workspace: Workspace) -> Iterator[Gauge]:
    with workspace.store.read() as connection:
        runs = read_runs_of(connection, "run", 1)
        successes = read_last_successes(connection)
        alerts = read_alerts(connection)
    info = {"version": version(DISTRIBUTION)}
    yield Gauge("cs_sync_info", "The version that wrote this file.", [Sample(1, info)])
    read: set[tuple[str, str]] = set()
    for run in runs:
        yield from _measure_run(run)
        read = {(stream["source"], stream["stream"]) for stream in run["streams"]}
    yield Gauge(
        "cs_sync_run_last_ok_time_seconds",
        "When the last run ended that was complete.",
        [Sample(successes.ok.timestamp(), {})] if successes.ok else [],
    )
    yield Gauge(
        "cs_sync_stream_last_success_time_seconds",
        "When a stream was last read.",
        [
            Sample(at.timestamp(), {"source": source, "stream": stream})
            for (source, stream), at in sorted(successes.streams.items())
            if (source, stream) in read
        ],
    )
    yield Gauge(
        "cs_sync_alert",
        "1 while something is wrong that is alerted to.",
        [Sample(1, {"cause": state.cause}) for state in alerts if not state.is_over],
    )


def _measure_run(run: Mapping[str, Any]) -> Iterator[Gauge]:
    started: datetime = run["started_at"]
    ended: datetime | None = run["ended_at"]
    yield Gauge(
        "cs_sync_run_status",
        "1 for the status of the last run.",
        [Sample(float(status == run["status"]), {"status": status}) for status in STATUSES],
    )
    yield Gauge(
        "cs_sync_run_start_time_seconds",
        "When the last run began.",
        [Sample(started.timestamp(), {})],
    )
    if ended is not None:
        yield Gauge(
            "cs_sync_run_end_time_seconds", "When it ended.", [Sample(ended.timestamp(), {})]
        )
        seconds = (ended - started).total_seconds()
        yield Gauge("cs_sync_run_duration_seconds", "How long it took.", [Sample(seconds, {})])
    yield Gauge(
        "cs_sync_run_writes",
        "Its writes into destinations, by outcome.",
        [Sample(n, {"outcome": kind}) for kind, n in sorted((run["writes"] or {}).items())],
    )
    streams = [({"source": s["source"], "stream": s["stream"]}, s) for s in run["streams"]]
    yield Gauge(
        "cs_sync_stream_ok",
        "0 for a stream that could not be read.",
        [Sample(float(row["status"] != "failed"), labels) for labels, row in streams],
    )
    for name, words in STREAM_COUNTS.items():
        samples = [Sample(float(row[name]), labels) for labels, row in streams]
        yield Gauge(f"cs_sync_stream_{name}", words, samples)


def _measure_accounts(workspace: Workspace, figures: RunFigures) -> Iterator[Gauge]:
    yield Gauge(
        "cs_sync_customers",
        "Customers, by band of their health.",
        [Sample(n, {"band": band}) for band, n in figures.day.band_counts.items()],
    )
    if figures.risk is None:
        return
    currency = workspace.config.workspace.currency
    yield Gauge(
        "cs_sync_mrr",
        "MRR of the customers, in units of the reporting currency.",
        [Sample(_to_units(figures.risk.mrr, currency), {"currency": currency})],
    )
    yield Gauge(
        "cs_sync_mrr_at_risk",
        "MRR of the customers that are leaving, unpaid or red.",
        [
            Sample(_to_units(amount, currency), {"currency": currency, "reason": kind})
            for kind, amount in figures.risk.amounts.items()
        ],
    )


def _to_units(minor: int, currency: str) -> float:
    return float(to_major_units(minor, currency))

"""Result of a run, as printed by commands."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:  # who shows past runs reads no source
    from cs_sync.sync.result import StreamResult

EXIT_CODES: Mapping[str, int] = {"ok": 0, "failed": 1, "partial": 3}
NO_WRITES: Mapping[str, int] = dict.fromkeys(
    ("create", "update", "unchanged", "rejected", "unknown"), 0
)


class RunSummary(Struct, frozen=True):
    """The result of a run: its status, streams and writes."""

    run: str
    status: str
    started_at: datetime
    ended_at: datetime
    streams: list[dict[str, Any]] = field(default_factory=list)
    writes: dict[str, int] = field(default_factory=lambda: dict(NO_WRITES))
    message: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""
        return EXIT_CODES[self.status]

    @property
    def problems(self) -> str:
        """What failed or is missing, a line each; empty if nothing is."""
        lines = [f"{s['source']} {s['stream']}: {s['error']}" for s in self.streams if s["error"]]
        return "\n".join(lines) or ("" if self.status == "ok" else self.message)


class RunReport(Struct, frozen=True):
    """The output of the scheduled job."""

    summary: RunSummary
    kpis: list[dict[str, Any]]
    watch_list: list[dict[str, Any]]
    plan: list[dict[str, Any]]
    report_path: Path | None
    bands: dict[str, int] = field(default_factory=dict)
    """Band → number of customers; `insufficient` are those without a score."""
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Those of the notes that say what could not be written or sent: report, alert, measures."""
    has_destination: bool = True
    """Whether the configuration names a CRM or another destination to write to."""


def format_stream_rows(outcomes: "Iterable[StreamResult]") -> list[dict[str, Any]]:
    """Return the streams of a run, sorted by source and stream."""
    return [
        {
            "source": outcome.source,
            "stream": outcome.stream,
            "status": outcome.status,
            "records": outcome.stored.records,
            "changed": outcome.stored.changed,
            "rejected": outcome.stored.rejected,
            "deleted": outcome.stored.deleted,
            "requests": outcome.requests,
            "waited_seconds": outcome.waited_seconds,
            "error": outcome.error,
        }
        for outcome in sorted(outcomes, key=lambda o: (o.source, o.stream))
    ]


def combine_statuses(statuses: Iterable[str]) -> str:
    """Combine the statuses of a run's parts.

    Some failures make the run partial.
    """
    distinct = set(statuses)
    if distinct <= {"ok"}:
        return "ok"
    return "failed" if distinct == {"failed"} else "partial"

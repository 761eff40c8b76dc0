"""What a run came to, as commands print it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cs_sync.sync.outcome import Outcome

EXIT_CODES: Mapping[str, int] = {"ok": 0, "failed": 1, "partial": 3}
NO_WRITES: Mapping[str, int] = dict.fromkeys(
    ("create", "update", "unchanged", "rejected", "unknown"), 0
)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run: how it ended, what each stream gave, what was written."""

    run: str
    status: str
    started_at: datetime
    ended_at: datetime
    streams: list[dict[str, Any]] = field(default_factory=list)
    writes: dict[str, int] = field(default_factory=lambda: dict(NO_WRITES))
    message: str = ""

    @property
    def exit_code(self) -> int:
        """What the process should end with."""
        return EXIT_CODES[self.status]


@dataclass(frozen=True, slots=True)
class RunReport:
    """What the main job shows at its end."""

    summary: RunSummary
    kpis: list[dict[str, Any]]
    watch_list: list[dict[str, Any]]
    plan: list[dict[str, Any]]
    report_path: Path | None
    notes: list[str] = field(default_factory=list)


def stream_rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """The streams of a run, in a stable order."""
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


def worst(statuses: Iterable[str]) -> str:
    """One status for several parts of a run: a failed part leaves the whole partial."""
    found = set(statuses)
    if found <= {"ok"}:
        return "ok"
    return "failed" if found == {"failed"} else "partial"

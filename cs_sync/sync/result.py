"""Result of a stream in a run, and the status of the run."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from cs_sync.store.records.counts import StoredCounts

Status = Literal["ok", "partial", "failed"]


class StreamResult(Struct, frozen=True):
    """The result of one stream in a run.

    failed: it stopped before the end of its window; stored data is kept and it resumes there.
    `throttled` if the cause is a vendor quota that is exhausted for longer than a run waits.
    partial: it completed with data missing; `error` says which.
    """

    source: str
    stream: str
    tables: tuple[str, ...]
    status: Status
    stored: StoredCounts = field(default_factory=StoredCounts)
    requests: int = 0
    waited_seconds: float = 0.0
    error: str | None = None
    throttled: bool = False


def derive_run_status(outcomes: Iterable[StreamResult]) -> Status:
    """Derive a run's status: ok, failed or partial.

    Ok if every stream is ok, failed if all failed. Waiting for a quota is not a failure: such a
    run is partial, and the next one resumes.
    """
    statuses = {"partial" if outcome.throttled else outcome.status for outcome in outcomes}
    if statuses <= {"ok"}:
        return "ok"
    return "failed" if statuses == {"failed"} else "partial"

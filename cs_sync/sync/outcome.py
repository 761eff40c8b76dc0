"""How a stream came through a run, and what that makes of the run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from cs_sync.store.pages import Stored

Status = Literal["ok", "partial", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did to one stream.

    failed: it stopped before the end of its window; what it stored is kept and it resumes there.
    `throttled` if it did because the vendor's quota is used up for longer than a run waits.
    partial: it came through, but something of it is missing, and `error` says what.
    """

    source: str
    stream: str
    tables: tuple[str, ...]
    status: Status
    stored: Stored = field(default_factory=Stored)
    requests: int = 0
    waited_seconds: float = 0.0
    error: str | None = None
    throttled: bool = False


def run_status(outcomes: Iterable[Outcome]) -> Status:
    """Ok when every stream is, failed when none came through, else partial.

    To wait for a quota is no failure: a run that has to is partial, and the next one goes on.
    """
    statuses = {"partial" if outcome.throttled else outcome.status for outcome in outcomes}
    if statuses <= {"ok"}:
        return "ok"
    return "failed" if statuses == {"failed"} else "partial"

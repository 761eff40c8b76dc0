"""Reading the sources."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from cs_sync.contracts.errors import ConfigError
from cs_sync.jobs.derive import derive
from cs_sync.jobs.late_use import incomplete_days
from cs_sync.jobs.recording import Recorded, recorded_run
from cs_sync.jobs.summary import RunSummary
from cs_sync.jobs.watch_counts import watch_counts
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.runs import SYNC, SYNC_FULL, SYNC_RANGE
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.outcome import Outcome, run_status
from cs_sync.sync.windows import Request


def sync(
    workspace: Workspace,
    *,
    only: Sequence[str] = (),
    full: bool = False,
    since: date | None = None,
    until: date | None = None,
) -> RunSummary:
    """Bring the store up to date, and what is derived from it; `since`/`until` read a range.

    `full` reads all again, and confirms that what is no longer there is gone.
    Raises ConfigError when there is no day in the range.
    """
    end = until or workspace.today + timedelta(days=1)
    if since is not None and since >= end:
        raise ConfigError(
            f"no day lies between {since} and {end}", "--until is the day after the last one"
        )
    bounds = _midnight(workspace, since), _midnight(workspace, until)
    request = Request(full, *bounds, confirmed=full)
    command = SYNC_RANGE if request.ranged else SYNC_FULL if full else SYNC
    with recorded_run(workspace, command) as recorded:
        sync_into(recorded, request, only)
        derive(recorded)
        return recorded.summary()


def sync_into(recorded: Recorded, request: Request, only: Sequence[str] = ()) -> None:
    """The sync as part of a run that is on record."""
    sources = recorded.workspace.sources(only)
    outcomes = sync_sources(recorded.session(), sources, request, recorded.note)
    recorded.statuses.append(run_status(outcomes))
    recorded.messages += _failures(outcomes)
    recorded.messages += incomplete_days(recorded.workspace, sources)
    if not request.ranged:
        watch_counts(recorded, outcomes)


def _failures(outcomes: Sequence[Outcome]) -> list[str]:
    """Return one message per cause: a refused key fails every stream of its source alike."""
    streams: dict[tuple[str, str], list[str]] = {}
    for outcome in sorted(outcomes, key=lambda o: (o.source, o.stream)):
        if outcome.error:
            streams.setdefault((outcome.source, str(outcome.error)), []).append(outcome.stream)
    return [f"{source} {', '.join(names)}: {why}" for (source, why), names in streams.items()]


def _midnight(workspace: Workspace, day: date | None) -> datetime | None:
    zone = workspace.config.workspace.timezone
    return None if day is None else datetime.combine(day, time(), zone)

"""What is well and since when not: the database, runs, streams and alerts."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cs_sync.alerts.causes import judge_silence
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.alerts import read_alerts
from cs_sync.store.migrate import read_revision
from cs_sync.store.runs import LastSuccesses, read_last_successes, read_runs_of
from cs_sync_schemas.migrations import HEAD

USABLE = ("ok", "partial")


def build_health_row(
    check: str, message: str, *, ok: bool = True, since: datetime | None = None
) -> dict[str, Any]:
    """Build a row of `cs-sync healthcheck`.

    Args:
        check: What was checked.
        message: What was found, and the remedy.
        ok: Whether it is well.
        since: When it was last well.
    """
    return {"check": check, "ok": ok, "message": message, "since": since}


def list_health_rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Check the database, the last run, its streams and alerts.

    Alerts may wait to be sent.
    """
    with workspace.store.read() as connection:
        revision = read_revision(connection)
        if revision is None:
            message = "the database is empty; run `cs-sync run` once"
            return [build_health_row("database", message, ok=False)]
        successes = read_last_successes(connection)
        runs = read_runs_of(connection, "run", 1)
        states = read_alerts(connection) if revision == HEAD else []
    return [
        _check_revision(revision),
        *map(_check_run, runs),
        check_silence(workspace, successes.ended),
        *(row for run in runs for row in _check_streams(run, successes)),
        *_check_alerts(workspace, [channel for state in states for channel in state.waiting]),
    ]


def check_silence(workspace: Workspace, ended: datetime | None) -> dict[str, Any]:
    """Check whether a run has ended within `[alerts] overdue_after`."""
    allowed = workspace.config.alerts.overdue_after
    causes = judge_silence(ended, workspace.clock(), allowed).causes
    if causes:
        return build_health_row(
            "overdue", "; ".join(causes[0].text.splitlines()), ok=False, since=ended
        )
    hours = f"{allowed / timedelta(hours=1):g} h"
    return build_health_row("overdue", f"a run ended within the last {hours}", since=ended)


def _check_revision(revision: str) -> dict[str, Any]:
    if revision > HEAD:
        message = f"schema {revision} is of a newer cs-sync; upgrade this one"
        return build_health_row("database", message, ok=False)
    if revision < HEAD:
        message = (
            f"schema {revision}; the next run updates it to {HEAD}, and until then none alerts"
        )
        return build_health_row("database", message)
    return build_health_row("database", f"schema {revision}")


def _check_run(run: dict[str, Any]) -> dict[str, Any]:
    status, error = run["status"], (run["error"] or "").partition("\n")[0]
    message = f"{status}: {error}" if error else str(status)
    if status in USABLE:
        return build_health_row("run", message, since=run["ended_at"])
    return build_health_row("run", f"{message}; see `cs-sync runs`", ok=False)


def _check_streams(run: dict[str, Any], successes: LastSuccesses) -> Iterator[dict[str, Any]]:
    """Yield a row per unreadable stream, or one for all."""
    failed = [stream for stream in run["streams"] if stream["status"] == "failed"]
    for stream in failed:
        key = stream["source"], stream["stream"]
        message = " ".join((stream["error"] or "failed").split())
        since = successes.streams.get(key)
        yield build_health_row(" ".join(key), message, ok=False, since=since)
    if not failed:
        message = f"{len(run['streams'])} of {len(run['streams'])} read"
        yield build_health_row("streams", message, since=run["ended_at"])


def _check_alerts(workspace: Workspace, waiting: list[str]) -> Iterator[dict[str, Any]]:
    channels = workspace.config.alerts.channels
    if waiting:
        names = ", ".join(dict.fromkeys(waiting))
        remedy = "try them with `cs-sync check --send-alerts`"
        yield build_health_row("alerts", f"not sent by {names}; {remedy}", ok=False)
    else:
        message = f"sent by {', '.join(channels)}" if channels else "[alerts] names no channel"
        yield build_health_row("alerts", message)

"""The log of runs, for people and dashboards."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, func, select, update

from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas.tables import RUN, RUN_STREAM

SYNC, SYNC_FULL, SYNC_RANGE, RETRY = "sync", "sync --full", "sync --since", "rejects retry"
FULL_COMMANDS = (SYNC_FULL, RETRY)
"""Commands that read everything again."""
NON_INCREMENTAL_COMMANDS = (*FULL_COMMANDS, SYNC_RANGE)
"""Commands that do not read what is new."""


def begin_run(connection: Connection, run_id: str, command: str, now: datetime) -> None:
    """Record the start of a run.

    Runs still open are marked as interrupted.
    """
    connection.execute(
        update(RUN).where(RUN.c.status == "running").values(status="interrupted", ended_at=now)
    )
    row = {"id": run_id, "command": command, "started_at": now, "ended_at": None}
    upsert_rows(connection, RUN, [{**row, "status": "running", "error": None, "writes": {}}])


def end_run(
    connection: Connection,
    run_id: str,
    status: str,
    now: datetime,
    *,
    writes: Mapping[str, int] | None = None,
    error: str | None = None,
) -> None:
    """Record the end of a run."""
    connection.execute(
        update(RUN)
        .where(RUN.c.id == run_id)
        .values(status=status, ended_at=now, writes=dict(writes or {}), error=error)
    )


def read_last_run_time(connection: Connection) -> datetime | None:
    """Return the latest time recorded by any run."""
    moments = connection.execute(select(func.max(RUN.c.started_at), func.max(RUN.c.ended_at))).one()
    return max((moment for moment in moments if moment is not None), default=None)


def save_run_streams(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store a run's results per stream (rows of `run_stream`)."""
    upsert_rows(connection, RUN_STREAM, rows)


def read_runs(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Return the newest runs with their streams, newest first."""
    return _read_with_streams(connection, select(RUN).limit(limit))


def read_runs_of(connection: Connection, command: str, limit: int) -> list[dict[str, Any]]:
    """Read the newest ended runs of a command, newest first.

    Their streams come along.
    """
    ended = (RUN.c.command == command, RUN.c.ended_at.is_not(None))
    return _read_with_streams(connection, select(RUN).where(*ended).limit(limit))


def _read_with_streams(connection: Connection, chosen: Select[Any]) -> list[dict[str, Any]]:
    ordered = chosen.order_by(RUN.c.started_at.desc(), RUN.c.id)
    runs = [dict(row) for row in connection.execute(ordered).mappings()]
    streams: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in runs}
    statement = (
        select(RUN_STREAM)
        .where(RUN_STREAM.c.run_id.in_(streams))
        .order_by(RUN_STREAM.c.source, RUN_STREAM.c.stream)
    )
    for row in connection.execute(statement).mappings():
        streams[row["run_id"]].append(dict(row))
    return [{**run, "streams": streams[run["id"]]} for run in runs]


class LastSuccesses(Struct, frozen=True):
    """When what was last well: a whole run, one that failed in no more than parts, a stream."""

    ok: datetime | None
    usable: datetime | None
    ended: datetime | None
    """The end of the last run that ended by itself, whatever its status."""
    streams: Mapping[tuple[str, str], datetime]


def read_last_successes(connection: Connection, command: str = "run") -> LastSuccesses:
    """Read when runs of a command, and any streams, were well.

    It is the last time.
    """

    def find_last(*statuses: str) -> datetime | None:
        wanted = (RUN.c.command == command, RUN.c.status.in_(statuses))
        ended_at: datetime | None = connection.scalar(
            select(func.max(RUN.c.ended_at)).where(*wanted)
        )
        return ended_at

    key = (RUN_STREAM.c.source, RUN_STREAM.c.stream)
    read = (
        select(*key, func.max(RUN_STREAM.c.ended_at))
        .where(RUN_STREAM.c.status != "failed")
        .group_by(*key)
    )
    streams = {(source, stream): at for source, stream, at in connection.execute(read)}
    return LastSuccesses(
        find_last("ok"),
        find_last("ok", "partial"),
        find_last("ok", "partial", "failed"),
        streams,
    )


def read_earlier_counts(
    connection: Connection, before: str, limit: int
) -> dict[tuple[str, str], list[int]]:
    """Map each (source, stream) → its counts in earlier runs.

    Record counts in the last successful runs, newest first. Only runs of the same kind (full or
    incremental) as the run `before` are compared.
    """
    command = connection.scalar(select(RUN.c.command).where(RUN.c.id == before))
    alike = (
        RUN.c.command.in_(FULL_COMMANDS)
        if command in FULL_COMMANDS
        else RUN.c.command.not_in(NON_INCREMENTAL_COMMANDS)
    )
    newest_first = func.row_number().over(
        partition_by=(RUN_STREAM.c.source, RUN_STREAM.c.stream),
        order_by=RUN_STREAM.c.ended_at.desc(),
    )
    came_through = (
        select(
            RUN_STREAM.c.source, RUN_STREAM.c.stream, RUN_STREAM.c.records, newest_first.label("n")
        )
        .join(RUN, RUN.c.id == RUN_STREAM.c.run_id)
        .where(RUN_STREAM.c.status != "failed", RUN_STREAM.c.run_id != before, alike)
        .subquery()
    )
    counts: dict[tuple[str, str], list[int]] = {}
    newest = select(came_through).where(came_through.c.n <= limit).order_by(came_through.c.n)
    for source, stream, records, _ in connection.execute(newest):
        counts.setdefault((source, stream), []).append(records)
    return counts


def find_stale_tables(connection: Connection) -> dict[str, datetime]:
    """Map each table with a failed read → its last success."""
    ordered = select(RUN_STREAM).order_by(RUN_STREAM.c.ended_at.desc())
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    fresh: dict[tuple[str, str], datetime] = {}
    for row in connection.execute(ordered).mappings():
        key = (row["source"], row["stream"])
        latest.setdefault(key, dict(row))
        if row["status"] != "failed":
            fresh.setdefault(key, row["ended_at"])
    stale: dict[str, datetime] = {}
    for key, last in latest.items():
        if last["status"] == "failed":
            since = fresh.get(key, last["ended_at"])
            for table in last["tables"]:
                stale[table] = min(since, stale.get(table, since))
    return stale

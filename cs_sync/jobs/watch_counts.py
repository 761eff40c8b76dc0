"""Saying so when a stream or a table deviates from what the last runs made usual."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from cs_sync.contracts.events import Event
from cs_sync.jobs.deviation import RUNS, Profile, count_deviates, fields_deviate, rows_deviate
from cs_sync.jobs.recording import Recorded
from cs_sync.store.leases import check_lease
from cs_sync.store.profiles import measure, read_profiles, save_profiles
from cs_sync.store.runs import earlier_counts
from cs_sync.sync.outcome import Outcome


def watch_counts(recorded: Recorded, outcomes: Sequence[Outcome]) -> None:
    """Put what deviates into the run's message and tell the observers; the run goes on.

    A field that has gone empty makes it `partial`: what rests on it would be wrong without a word.
    """
    came_through = [outcome for outcome in outcomes if outcome.status != "failed"]
    workspace = recorded.workspace

    def look(connection: Connection) -> tuple[list[Told], list[Told]]:
        check_lease(connection, recorded.held)
        fewer, emptier = _profiles(connection, recorded.id, came_through)
        return [*_counts(connection, recorded.id, came_through), *fewer, *emptier], emptier

    told, emptier = workspace.store.transact(look)
    if emptier:
        recorded.statuses.append("partial")
    for source, subject, message in told:
        recorded.messages.append(f"unusual: {source} {subject}: {message}")
        detail = {"message": f"{source} {subject}: {message}"}
        workspace.emit(Event("warning", workspace.clock(), source, subject, detail))


Told = tuple[str, str, str]
"""Source, stream or table, and what is odd about it."""


def _counts(connection: Connection, run: str, outcomes: Iterable[Outcome]) -> Iterator[Told]:
    for outcome in outcomes:
        earlier = earlier_counts(connection, outcome.source, outcome.stream, run, RUNS)
        odd = count_deviates(outcome.stored.records, earlier)
        if odd:
            yield outcome.source, outcome.stream, odd


def _profiles(
    connection: Connection, run: str, outcomes: Iterable[Outcome]
) -> tuple[list[Told], list[Told]]:
    """Tables with far fewer rows, and those with an emptier field.

    Only tables that a run changed are measured: the others are as full as they were.
    """
    fewer: list[Told] = []
    emptier: list[Told] = []
    changed = {
        (outcome.source, table)
        for outcome in outcomes
        if outcome.stored.changed or outcome.stored.deleted
        for table in outcome.tables
    }
    for source, table in sorted(changed):
        now = Profile(*measure(connection, source, table))
        kept = read_profiles(connection, source, table)
        earlier = [Profile(profile["rows"], profile["filled"]) for profile in kept]
        if few := rows_deviate(now, earlier):
            fewer.append((source, table, few))
        emptier += [(source, table, odd) for odd in fields_deviate(now, earlier)]
        newest = {"run": run, "rows": now.rows, "filled": now.filled}
        save_profiles(connection, source, table, [*kept, newest][-RUNS:])
    return fewer, emptier

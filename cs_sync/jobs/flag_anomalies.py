"""Warnings about counts that deviate from recent runs."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from cs_sync.alerts.causes import Drop
from cs_sync.contracts.events import Event
from cs_sync.runtime.run_session import RunSession
from cs_sync.store.records.fill_rates import (
    COUNTED_AT,
    count_filled_fields,
    read_fill_profiles,
    save_fill_profiles,
)
from cs_sync.store.runs import read_earlier_counts
from cs_sync.sync.anomalies import (
    COMPARED_RUNS,
    TableCounts,
    describe_count_drop,
    describe_fill_rate_drops,
    describe_row_drop,
)
from cs_sync.sync.result import StreamResult


def flag_anomalies(recorded: RunSession, outcomes: Sequence[StreamResult]) -> None:
    """Report counts that deviate from recent runs; the run continues.

    A field that became empty makes the run `partial`: figures based on it would be wrong.

    Args:
        recorded: The current run.
        outcomes: The outcomes of its streams.
    """
    came_through = [outcome for outcome in outcomes if outcome.status != "failed"]
    workspace = recorded.workspace

    def look(connection: Connection) -> tuple[list[Drop], list[Drop]]:
        fewer, emptier = _find_table_drops(connection, recorded, came_through)
        return [
            *_find_count_drops(connection, recorded.id, came_through),
            *fewer,
            *emptier,
        ], emptier

    anomalies, emptier = recorded.transact(look)
    if emptier:
        recorded.statuses.append("partial")
    recorded.drops += anomalies
    for drop in anomalies:
        recorded.messages.append(drop.message)
        detail = {"message": f"{drop.source} {drop.subject}: {drop.text}"}
        workspace.emit(Event("warning", workspace.clock(), drop.source, drop.subject, detail))


def _find_count_drops(
    connection: Connection, run: str, outcomes: Iterable[StreamResult]
) -> Iterator[Drop]:
    earlier = read_earlier_counts(connection, run, COMPARED_RUNS)
    for outcome in outcomes:
        counts = earlier.get((outcome.source, outcome.stream), [])
        odd = describe_count_drop(outcome.stored.records, counts)
        if odd:
            yield Drop(outcome.source, outcome.stream, odd)


def _find_table_drops(
    connection: Connection, recorded: RunSession, outcomes: Iterable[StreamResult]
) -> tuple[list[Drop], list[Drop]]:
    """Return tables with far fewer rows, and tables with an emptied field.

    Only tables changed by the run are measured.
    """
    fewer: list[Drop] = []
    emptier: list[Drop] = []
    changed = {
        (outcome.source, table)
        for outcome in outcomes
        if outcome.stored.changed or outcome.stored.deleted
        for table in outcome.tables
    }
    counted = recorded.workspace.clock().isoformat()
    for source, table in sorted(changed):
        profiles = read_fill_profiles(connection, source, table)
        now = TableCounts(*count_filled_fields(connection, source, table, profiles))
        earlier = [TableCounts(profile["rows"], profile["filled"]) for profile in profiles]
        if few := describe_row_drop(now, earlier):
            fewer.append(Drop(source, table, few))
        emptier += [Drop(source, table, odd) for odd in describe_fill_rate_drops(now, earlier)]
        newest = {"run": recorded.id, "rows": now.rows, "filled": now.filled, COUNTED_AT: counted}
        save_fill_profiles(connection, source, table, [*profiles, newest][-COMPARED_RUNS:])
    return fewer, emptier

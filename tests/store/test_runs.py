"""Runs on record: which counts of a stream are compared with one another."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from cs_sync.store.engine import Store
from cs_sync.store.runs import read_earlier_counts
from cs_sync_schemas import Run, RunStream, get_table
from tests.conftest import NOW

RUNS = [
    ("first", "sync", 400, "ok"),
    ("whole", "sync --full", 900, "ok"),
    ("ranged", "sync --since", 7, "ok"),
    ("lost", "sync", 0, "failed"),
    ("second", "sync", 40, "partial"),
    ("third", "run", 50, "ok"),
    ("now", "sync", 45, "ok"),
    ("whole now", "sync --full", 950, "ok"),
]
"""Run, command, records of its stream of tickets, and how that ended; a day between two."""


@pytest.fixture
def recorded(sqlite_store: Store) -> Store:
    runs, streams = get_table(Run), get_table(RunStream)
    with sqlite_store.write() as connection:
        for day, (name, command, records, status) in enumerate(RUNS):
            at = NOW + timedelta(days=day)
            run = {"id": name, "command": command, "started_at": at, "status": status}
            connection.execute(insert(runs).values(**run))
            for stream, count in (("tickets", records), ("accounts", 1)):
                row = {"run_id": name, "source": "desk", "stream": stream, "records": count}
                ended = {"status": status, "ended_at": at, "tables": []}
                connection.execute(insert(streams).values(**row, **ended))
    return sqlite_store


def test_what_is_new_is_not_compared_with_all_there_is(recorded: Store) -> None:
    """Nor with a range that was read beside the cursor, nor with what failed."""
    with recorded.read() as connection:
        new = read_earlier_counts(connection, "now", 10)
        whole = read_earlier_counts(connection, "whole now", 10)
        last = read_earlier_counts(connection, "now", 2)
    assert new == {("desk", "tickets"): [50, 40, 400], ("desk", "accounts"): [1, 1, 1]}
    assert whole == {("desk", "tickets"): [900], ("desk", "accounts"): [1]}
    assert last == {("desk", "tickets"): [50, 40], ("desk", "accounts"): [1, 1]}

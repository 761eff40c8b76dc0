"""Rows of the tables, written whole, and their earlier versions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, Table, insert

from cs_sync.testing.databases import open_memory_database
from cs_sync_schemas import get_history_table, get_known_from, get_table
from tests.health.conftest import LONG_AGO


@contextmanager
def open_filled(fill: Callable[[Connection, Random], None], seed: int) -> Iterator[Connection]:
    """Open a database in memory with the books of a seed."""
    engine = open_memory_database()
    with engine.connect() as connection:
        fill(connection, Random(seed))
        yield connection
    engine.dispose()


def at(day: int) -> datetime:
    return datetime(2025, 7, 1, tzinfo=UTC) + timedelta(days=day)


def complete_row(model: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The row with defaults for what it does not say."""
    given: dict[str, Any] = {
        "first_seen_at": LONG_AGO, "last_seen_at": LONG_AGO, "changed_at": LONG_AGO,
        "row_hash": "", "since": LONG_AGO, "rule": "own", "reason": "",
    }  # fmt: skip
    whole = {name: value for name, value in given.items() if name in model.model_fields} | row
    record = model(**whole)
    return {name: getattr(record, name) for name in model.model_fields}


def add_rows(connection: Connection, model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(get_table(model)), [complete_row(model, row) for row in rows])


def add_past_row(
    connection: Connection, model: Any, row: dict[str, Any], known_to: datetime
) -> None:
    """A version of a row that was known until then."""
    history = get_history_table(get_table(model))
    assert isinstance(history, Table)
    whole = {
        **complete_row(model, row),
        "known_to": known_to,
        get_known_from(history).name: LONG_AGO,
    }
    named = {name: value for name, value in whole.items() if name in history.c}
    connection.execute(insert(history), named)

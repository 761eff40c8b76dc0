"""Large pages take another way into PostgreSQL, and come to the same rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, text

from cs_sync.store.engine import Store
from cs_sync.store.fast.bulk_copy import MIN_COPY_ROWS, upsert_in_bulk
from cs_sync.store.fast.statistics import analyze_new_tables
from cs_sync.store.records.validate import validate_rows
from cs_sync.store.records.write import WriteContext, store_rows
from cs_sync_schemas import Record, SubscriptionItem, Ticket, get_table
from tests.conftest import NOW

LATER = NOW + timedelta(hours=1)
ODD = "tab\t, line\n, back\\slash, \\N, quote's and é 🙂"


def put(store: Store, record: type[Record], rows: list[dict[str, Any]], at: Any = NOW) -> int:
    admitted, rejected = validate_rows(record, rows)
    assert not rejected
    with store.write() as connection:
        return store_rows(connection, record, admitted, WriteContext("crm", at))


def stored(store: Store, record: type[Record]) -> list[dict[str, Any]]:
    table = get_table(record)
    with store.read() as connection:
        actual = connection.execute(select(table).order_by(table.c.source_id)).mappings()
        return [dict(row) for row in actual]


def items(number: int, **fields: Any) -> list[dict[str, Any]]:
    item = {
        "subscription_source_id": ODD,
        "valid_from": NOW,
        "unit_amount": "19.995",
        "quantity": "1E+2",
        "tiers": {"mode": "volume", "tiers": [{"up_to": None, "unit_amount": 5}]},
    }
    return [{"source_id": f"{place:05d}", **item, **fields} for place in range(number)]


def test_a_large_page_stores_what_small_ones_store(store: Store) -> None:
    rows = items(MIN_COPY_ROWS + 1)
    assert put(store, SubscriptionItem, rows) == MIN_COPY_ROWS + 1
    large = stored(store, SubscriptionItem)
    with store.write() as connection:
        connection.execute(get_table(SubscriptionItem).delete())
    for start in range(0, len(rows), 100):
        put(store, SubscriptionItem, rows[start : start + 100])
    assert stored(store, SubscriptionItem) == large
    assert large[0]["subscription_source_id"] == ODD


def test_a_large_page_replaces_only_what_differs(store: Store) -> None:
    many = [
        {"source_id": f"{place:05d}", "opened_at": NOW, "tags": ["a", ODD]}
        for place in range(3 * MIN_COPY_ROWS)
    ]
    put(store, Ticket, many)
    changed = [
        {**row, "subject": ODD} if place < MIN_COPY_ROWS else row for place, row in enumerate(many)
    ]
    assert put(store, Ticket, changed, at=LATER) == MIN_COPY_ROWS
    rows = stored(store, Ticket)
    assert {row["first_seen_at"] or row["changed_at"] for row in rows} == {NOW}
    assert [row["changed_at"] for row in rows] == [LATER] * MIN_COPY_ROWS + [NOW] * (
        2 * MIN_COPY_ROWS
    )
    assert rows[0]["subject"] == ODD
    assert rows[-1]["subject"] is None


def test_what_another_reader_stored_meanwhile_is_replaced(store: Store) -> None:
    """A page is copied as new; a row of it was not there when it was looked for, and is now."""
    rows, table = items(MIN_COPY_ROWS), get_table(SubscriptionItem)
    put(store, SubscriptionItem, rows[:1])
    admitted, _ = validate_rows(SubscriptionItem, items(MIN_COPY_ROWS, product="new"))
    engine = {"source": "crm", "last_seen_at": LATER, "changed_at": LATER, "first_seen_at": LATER}
    with store.write() as connection:
        upsert_in_bulk(connection, table, admitted, {**engine, "deleted_at": None}, new=True)
    actual = stored(store, SubscriptionItem)
    assert {row["product"] for row in actual} == {"new"}
    assert [row["first_seen_at"] for row in actual[:2]] == [NOW, LATER]


def test_large_new_tables_are_analysed_once(store: Store) -> None:
    put(store, Ticket, [{"source_id": f"{n:05d}", "opened_at": NOW} for n in range(3000)])
    with store.write() as connection:
        analysed = analyze_new_tables(connection)
        kind = connection.dialect.name
    assert ("ticket" in analysed) == (kind == "postgresql")
    if kind == "postgresql":
        with store.read() as connection:
            counted = connection.scalar(
                text("SELECT reltuples FROM pg_class WHERE oid='ticket'::regclass")
            )
        assert counted == 3000

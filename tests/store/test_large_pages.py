"""Pages go into PostgreSQL as documents, and come to the same rows however large they are."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from cs_sync.store.engine import Store
from cs_sync.store.fast import bulk_upserts
from cs_sync.store.fast.bulk_upserts import upsert_uniform_rows
from cs_sync.store.fast.statistics import analyze_new_tables
from cs_sync.store.records.validate import validate_rows
from cs_sync.store.records.write import WriteContext, store_rows
from cs_sync_schemas import Record, SubscriptionItem, Ticket, get_table
from tests.conftest import NOW

LATER = NOW + timedelta(hours=1)
LARGE = 500
ODD = "tab\t, line\n, back\\slash, \\N, quote's and é 🙂"


@pytest.fixture(autouse=True)
def small_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_upserts, "DOCUMENT_ROWS", 200)


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
    rows = items(LARGE + 1)
    assert put(store, SubscriptionItem, rows) == LARGE + 1
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
        for place in range(3 * LARGE)
    ]
    put(store, Ticket, many)
    changed = [{**row, "subject": ODD} if place < LARGE else row for place, row in enumerate(many)]
    assert put(store, Ticket, changed, at=LATER) == LARGE
    rows = stored(store, Ticket)
    assert {row["first_seen_at"] or row["changed_at"] for row in rows} == {NOW}
    assert [row["changed_at"] for row in rows] == [LATER] * LARGE + [NOW] * (2 * LARGE)
    assert rows[0]["subject"] == ODD
    assert rows[-1]["subject"] is None


def test_what_another_reader_stored_meanwhile_is_replaced(store: Store) -> None:
    """A row of the page was not there when it was looked for, and is now."""
    rows, table = items(LARGE), get_table(SubscriptionItem)
    put(store, SubscriptionItem, rows[:1])
    admitted, _ = validate_rows(SubscriptionItem, items(LARGE, product="new"))
    engine = {"source": "crm", "last_seen_at": LATER, "changed_at": LATER, "first_seen_at": LATER}
    with store.write() as connection:
        upsert_uniform_rows(connection, table, admitted, {**engine, "deleted_at": None})
    actual = stored(store, SubscriptionItem)
    assert {row["product"] for row in actual} == {"new"}
    assert [row["first_seen_at"] for row in actual[:2]] == [NOW, LATER]


def test_what_json_can_hold_and_postgresql_cannot_take_out_is_stored(store: Store) -> None:
    """A NUL in the record as received, and a text that only looks like one."""
    raws = [{"text": "a\0b"}, {"text": "a\\u0000b"}, {"text": ODD}]
    rows = [{**row, "raw": raw} for row, raw in zip(items(3), raws, strict=True)]
    admitted, _ = validate_rows(SubscriptionItem, rows)
    with store.write() as connection:
        store_rows(connection, SubscriptionItem, admitted, WriteContext("crm", NOW, keep_raw=True))
    assert [row["raw"] for row in stored(store, SubscriptionItem)] == raws


def test_of_two_rows_with_one_key_the_last_one_stays(store: Store) -> None:
    table = get_table(SubscriptionItem)
    admitted, _ = validate_rows(SubscriptionItem, [*items(2, price="a"), *items(2, price="b")])
    engine = {"source": "crm", "last_seen_at": NOW, "changed_at": NOW, "first_seen_at": NOW}
    with store.write() as connection:
        upsert_uniform_rows(connection, table, admitted, {**engine, "deleted_at": None})
    assert [row["price"] for row in stored(store, SubscriptionItem)] == ["b", "b"]


def test_large_new_tables_are_analysed_once(store: Store) -> None:
    with store.write() as connection:
        kind = connection.dialect.name
        if kind == "postgresql":  # another test may have analysed the emptied table
            connection.execute(
                text("SELECT pg_stat_reset_single_table_counters('ticket'::regclass)")
            )
    put(store, Ticket, [{"source_id": f"{n:05d}", "opened_at": NOW} for n in range(3000)])
    with store.write() as connection:
        analysed = analyze_new_tables(connection)
    assert ("ticket" in analysed) == (kind == "postgresql")
    if kind == "postgresql":
        with store.read() as connection:
            counted = connection.scalar(
                text("SELECT reltuples FROM pg_class WHERE oid='ticket'::regclass")
            )
        assert counted == 3000

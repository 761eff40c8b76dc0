"""A prepared statement stores exactly what SQLAlchemy itself would have stored."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Dialect, insert, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import StatementError

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import Store
from cs_sync.store.fast.bulk_upserts import MIN_ROWS_FOR_OWN_STATEMENT, upsert_uniform_rows
from cs_sync.store.fast.prepared import _build_reader
from cs_sync_schemas import SubscriptionItem, get_table
from cs_sync_schemas.digests import Digest, pack_digests
from cs_sync_schemas.tables import METADATA

TABLE = get_table(SubscriptionItem)
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def item(source_id: str, **differing: Any) -> dict[str, Any]:
    """A row with a value in every kind of column."""
    return {
        "source": "stripe",
        "source_id": source_id,
        "updated_at": None,
        "first_seen_at": NOON,
        "last_seen_at": NOON,
        "changed_at": NOON.astimezone(timezone(timedelta(hours=5, minutes=30))),
        "deleted_at": None,
        "row_hash": "digest",
        "raw": {"text": "né 'quoted' :named ?", "list": [1, None, "2"]},
        "valid_from": NOON,
        "valid_to": None,
        "subscription_source_id": "sub_1",
        "product": None,
        "price": "price_1",
        "unit_amount": Decimal("1999.500"),
        "quantity": Decimal("1E+2"),
        "interval": "month",
        "interval_count": 1,
        "usage_type": "licensed",
        "tiers": None,
        "divide_by": None,
        "divide_round": None,
        "inclusive_tax_percent": None,
        "is_snapshot": False,
        **differing,
    }


def test_stores_what_sqlalchemy_stores(store: Store) -> None:
    ours, theirs = item("ours"), item("theirs")
    with store.write() as connection:
        upsert_uniform_rows(connection, TABLE, [ours], {})
        connection.execute(insert(TABLE), [theirs])
    with store.read() as connection:
        # The bare text of the columns, as no type of ours reads it back.
        columns = ", ".join(column.name for column in TABLE.c if column.name != "source_id")
        actual = connection.exec_driver_sql(f"SELECT {columns} FROM subscription_item").all()
    assert len(actual) == 2
    assert actual[0] == actual[1]


def test_a_second_row_with_the_key_replaces_all_but_when_it_was_first_seen(store: Store) -> None:
    later = NOON + timedelta(days=1)
    again = item("one", quantity=Decimal(7), first_seen_at=later, last_seen_at=later)
    with store.write() as connection:
        for row in (item("one"), again):
            upsert_uniform_rows(connection, TABLE, [row], {})
    with store.read() as connection:
        (stored,) = connection.execute(select(TABLE)).mappings()
    assert stored["quantity"] == 7
    assert stored["first_seen_at"] == NOON
    assert stored["last_seen_at"] == later


def test_a_page_is_stored_as_its_rows_are_one_by_one(store: Store) -> None:
    """Columns without any value, with some, and one whose nothing is not a NULL (JSON)."""
    page = [
        item(f"page-{n}", product="prod" if n % 3 else None, raw=None)
        for n in range(MIN_ROWS_FOR_OWN_STATEMENT)
    ]
    alone = [{**row, "source_id": row["source_id"].replace("page", "alone")} for row in page]
    with store.write() as connection:
        upsert_uniform_rows(connection, TABLE, page, {"source": "stripe", "deleted_at": None})
        for row in alone:
            upsert_uniform_rows(connection, TABLE, [row], {})
    columns = ", ".join(column.name for column in TABLE.c if column.name != "source_id")
    with store.read() as connection:
        actual = connection.exec_driver_sql(
            f"SELECT source_id, {columns} FROM subscription_item"
        ).all()
    stored = {source_id: values for source_id, *values in actual}
    assert len(stored) == 2 * MIN_ROWS_FOR_OWN_STATEMENT
    for row in page:
        of_page = stored[row["source_id"]]
        assert of_page == stored[row["source_id"].replace("page", "alone")]


def test_a_page_without_a_value_takes_away_the_one_that_was_there(store: Store) -> None:
    first = [
        item(f"id-{n}", price="before", divide_by=7) for n in range(MIN_ROWS_FOR_OWN_STATEMENT)
    ]
    later = [
        item(f"id-{n}", price="after", divide_by=None) for n in range(MIN_ROWS_FOR_OWN_STATEMENT)
    ]
    with store.write() as connection:
        for page in (first, later):
            upsert_uniform_rows(connection, TABLE, page, {})
    with store.read() as connection:
        rows = connection.execute(select(TABLE.c.price, TABLE.c.divide_by)).all()
    assert rows == [("after", None)] * MIN_ROWS_FOR_OWN_STATEMENT


def test_a_time_without_offset_is_refused(store: Store) -> None:
    row = item("one", updated_at=NOON.replace(tzinfo=None))
    with pytest.raises((StatementError, ValueError), match="naive"), store.write() as connection:
        upsert_uniform_rows(connection, TABLE, [row], {})


def test_rows_must_have_the_same_fields(store: Store) -> None:
    row = item("one")
    short = {name: value for name, value in item("two").items() if name != "price"}
    with pytest.raises((KeyError, StoreError)), store.write() as connection:
        upsert_uniform_rows(connection, TABLE, [row, short], {})


@pytest.mark.parametrize("dialect", [PGDialect_psycopg, SQLiteDialect_pysqlite])
def test_every_column_can_be_read_on_either_database(dialect: type[Dialect]) -> None:
    for table in METADATA.sorted_tables:
        for column in table.columns:
            _build_reader(column.type, dialect())


WHOLE = "0123456789abcdef"


@pytest.mark.parametrize(
    "values",
    [
        [WHOLE, "f" * 16],
        [WHOLE, None],
        [WHOLE, ""],
        [WHOLE.upper(), WHOLE],
        [" " * 16, WHOLE],
        ["g" * 16, WHOLE],
        [WHOLE + "ab", "ab" * 7],
    ],
)
def test_packs_digests_at_once_as_one_by_one(values: list[str | None]) -> None:
    dialect = SQLiteDialect_pysqlite()
    assert pack_digests(values) == [Digest().process_bind_param(of, dialect) for of in values]
    assert pack_digests([WHOLE, WHOLE]) == [bytes.fromhex(WHOLE)] * 2

"""Tables as they were known at an instant, in place of the tables as they are."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync.store.engine import Store
from cs_sync.store.fast.known_at import shadow_tables
from cs_sync.store.records.write import WriteContext, soft_delete, store_rows
from cs_sync_schemas import MrrSpan, Ticket, UsageDay, get_table

TICKET, USE, SPAN = get_table(Ticket), get_table(UsageDay), get_table(MrrSpan)
DAYS = [datetime(2026, 3, day, tzinfo=UTC) for day in range(1, 6)]


def ticket(name: str, number: str) -> dict[str, Any]:
    row = Ticket.model_construct(
        source_id=number, subject=name, status="open", opened_at=DAYS[0], row_hash=name
    ).model_dump()
    return {key: value for key, value in row.items() if key != "raw"} | {"raw": None}


@pytest.fixture
def desk(store: Store) -> Store:
    """A ticket told on the 1st, told otherwise on the 2nd, gone on the 3rd; another of the 4th."""
    with store.write() as connection:
        store_rows(connection, Ticket, [ticket("one", "1")], WriteContext("desk", DAYS[0]))
        store_rows(connection, Ticket, [ticket("two", "1")], WriteContext("desk", DAYS[1]))
        soft_delete(connection, Ticket, ["1"], WriteContext("desk", DAYS[2]))
        store_rows(connection, Ticket, [ticket("new", "2")], WriteContext("desk", DAYS[3]))
    return store


def read(connection: Connection) -> list[tuple[Any, ...]]:
    columns = (TICKET.c.source_id, TICKET.c.subject, TICKET.c.deleted_at)
    return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]


def test_what_was_known_is_found_under_the_tables_name(desk: Store) -> None:
    expected = {
        0: [("1", "one", None)],
        1: [("1", "two", None)],
        2: [("1", "two", DAYS[2])],
        3: [("1", "two", DAYS[2]), ("2", "new", None)],
    }
    for number, rows in expected.items():
        with desk.snapshot() as connection, shadow_tables(connection, [TICKET], "p", DAYS[number]):
            assert read(connection) == rows
        with desk.read() as connection:
            assert read(connection) == expected[3]


def test_it_is_what_a_statement_about_the_past_finds(desk: Store) -> None:
    asked = select(TICKET.c.subject, TICKET.c.deleted_at).order_by(TICKET.c.source_id)
    for at in DAYS:
        with desk.snapshot() as connection:
            rewritten = connection.execute(rewrite_as_of(asked, at)).all()
            with shadow_tables(connection, [TICKET], "p", at):
                assert connection.execute(asked).all() == rewritten


def test_a_table_of_which_nothing_was_learnt_since_is_not_copied(desk: Store) -> None:
    with desk.snapshot() as connection:
        with shadow_tables(connection, [TICKET, USE], "p", DAYS[4]):
            assert _temporary_tables(connection) == []
        with shadow_tables(connection, [TICKET, USE], "p", DAYS[1]):
            assert _temporary_tables(connection) == ["ticket"]
        assert _temporary_tables(connection) == []


def test_spans_are_those_of_the_policy_known_then(store: Store) -> None:
    known = [("p", DAYS[0], DAYS[2]), ("p", DAYS[2], None), ("q", DAYS[0], None)]
    with store.write() as connection:
        for number, (policy, since, until) in enumerate(known):
            row = MrrSpan.model_construct(
                account_id=f"a{number}", policy=policy, currency="EUR", valid_from=DAYS[0],
                amount=number, known_from=since, known_to=until,
            )  # fmt: skip
            connection.execute(SPAN.insert(), row.model_dump())
    for at, account in ((DAYS[1], "a0"), (DAYS[2], "a1")):
        with store.snapshot() as connection, shadow_tables(connection, [SPAN], "p", at):
            assert connection.scalars(select(SPAN.c.account_id)).all() == [account]
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(SPAN)) == 3


def _temporary_tables(connection: Connection) -> list[str]:
    """Those of the two tables asked about: a warm connection may keep stages of bulk copies."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_temp_master WHERE type = 'table' ORDER BY name"
    else:
        query = (
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 't'"
            " AND relnamespace = pg_my_temp_schema() ORDER BY relname"
        )
    names = connection.exec_driver_sql(query).scalars()
    return [name for name in names if name in (TICKET.name, USE.name)]

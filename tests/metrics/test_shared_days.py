"""Days of use in a temporary table: the figures are those of statements that look by themselves."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection

from cs_sync.metrics.days_of_use import select_days_to_share
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.metrics.shared_use import SHARED, list_edges
from cs_sync.metrics.sql.shared_parts import get_part_rows
from cs_sync.metrics.sql.time_travel import list_tables
from cs_sync.queries.metric_rows import compute_kpis
from cs_sync.store.engine import Store
from cs_sync.store.fast.shared_tables import share_parts, share_use
from cs_sync_schemas import UsageDay
from tests.metrics.conftest import METRICS, Ledger, utc
from tests.metrics.test_kept_figures import workspace_of

SCOPE = Scope(list_whole_periods(date(2026, 1, 1), date(2026, 4, 1), "month", "UTC"))
OF_USE = [metric for metric in list_builtin_metrics() if "usage_day" in metric.inputs]


def draw_days(count: int) -> list[Any]:
    """Days of use with and without people, accounts and use, some of them learned later."""
    random = Random(7)
    columns = (
        ["ann", "bob", "nobody", None],
        ["a", "test", "unlinked", None],
        range(-70, 100, 5),
        [0, 1, 9],
        [None, 0, 2, 30],
        [None, 0, 2, 30],
        [False, True],
    )
    return [tuple(map(random.choice, columns)) for _ in range(count)]


def add_days(ledger: Ledger, days: list[Any]) -> None:
    for number, (contact, account, day, events, sessions, seconds, late) in enumerate(days):
        row = {
            "source_id": str(number), "contact_source_id": contact, "account_source_id": account,
            "day": date(2026, 1, 1) + timedelta(days=day), "events": events,
            "sessions": sessions, "seconds": seconds,
        }  # fmt: skip
        ledger.add(UsageDay, row | ({"first_seen_at": utc(2026, 3, 1)} if late else {}))


def fetch(connection: Connection, metric: Metric, scope: Scope) -> list[Any]:
    rows = connection.execute(metric.build_current_statement(scope)).all()
    return sorted((tuple(row) for row in rows), key=str)


@pytest.mark.slow("computes whole books")
@pytest.mark.parametrize("known_at", [None, utc(2026, 2, 1)])
@pytest.mark.parametrize("window", [7, 20, 28])
def test_shared_use_gives_the_figures_of_own_days(
    ledger: Ledger, known_at: Any, window: int
) -> None:
    ledger.account("a")
    ledger.account("test", is_test=True)
    ledger.person("Ann", "ann", "a")
    add_days(ledger, draw_days(200))
    settings = {"dau_mau": {"weekdays_only": True}, "mau": {"window_days": window}}
    scope = replace(SCOPE, known_at=known_at, settings=settings)
    shared = replace(scope, shared_edges=list_edges(scope, (7, 28)), shared_parts=True)
    statements = [metric.build_current_statement(shared) for metric in OF_USE]
    read = [table for statement in statements for table in list_tables(statement)]
    parts = {table.name: rows for table in read if (rows := get_part_rows(table)) is not None}
    assert sum(name.startswith("active_days") for name in parts) == (5 if window == 20 else 4)
    assert set(SHARED) < {*read, *(table for rows in parts.values() for table in list_tables(rows))}
    tables = [str(table.name) for table in SHARED]
    with (
        ledger.engine.connect() as connection,
        share_use(connection, shared, tables),
        share_parts(connection, read),
    ):
        for metric, statement in zip(OF_USE, statements, strict=True):
            of_all = sorted(map(tuple, connection.execute(statement)), key=str)
            assert of_all == fetch(connection, metric, scope), metric.name


def ask(store: Store, names: list[str]) -> dict[str, Any]:
    rows = compute_kpis(workspace_of(store), METRICS.select(names), replace(SCOPE, minimum_n=0))
    return {row.metric: row.value for row in rows if row.period_start == date(2026, 1, 1)}


@pytest.mark.slow("computes whole books")
def test_a_later_day_of_use_is_counted_in_kept_figures(ledger: Ledger) -> None:
    """Ann used it on two days in January; then Bob's day comes to light: 3 ÷ (28 × 2) days."""
    store = Store(ledger.engine)
    names = ["dau", "mau", "dau_mau", "sessions", "usage_frequency"]
    add_days(ledger, [("ann", None, 20, 1, 3, 60, False), ("ann", None, 21, 1, 1, 60, False)])
    first = {"dau": 2 / 28, "mau": 1, "dau_mau": 2 / 28, "sessions": 4, "usage_frequency": 2}
    assert ask(store, names) == pytest.approx(first)
    day = {"source_id": "b", "contact_source_id": "bob", "day": date(2026, 1, 25), "events": 1}
    ledger.add(UsageDay, {**day, "changed_at": utc(2026, 3, 1)})
    later = {"dau": 3 / 28, "mau": 2, "dau_mau": 3 / 56, "sessions": 4, "usage_frequency": 1.5}
    assert ask(store, names) == pytest.approx(later)
    store.close()


def test_all_days_are_read_in_their_own_order(ledger: Ledger) -> None:
    """SQLite would take the index of the day, whose order takes three times as long."""
    with ledger.engine.connect() as connection:
        compiled = select_days_to_share(SCOPE).compile(
            connection, compile_kwargs={"literal_binds": True}
        )
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
    assert "SCAN usage_day" in plan

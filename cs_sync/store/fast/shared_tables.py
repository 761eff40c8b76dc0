"""Temporary tables filled once for all statements of a connection: MRR stocks and days of use."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, Table, insert, select, text
from sqlalchemy.sql.selectable import SelectBase

from cs_sync.metrics.days_of_use import (
    select_days_to_share,
    select_spans_to_share,
    select_timed_days_to_share,
)
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.shared_use import SHARED, TIMED_DAY, USED_DAY, USED_SPAN
from cs_sync.metrics.sql.mrr_stocks import STOCK, select_ordered_spans, select_stocks
from cs_sync.metrics.sql.shared_parts import get_part_rows
from cs_sync.metrics.sql.stock_groups import STOCK_GROUP, select_stock_groups
from cs_sync.metrics.sweep import KnownSpan, sweep_into_groups, sweep_spans
from cs_sync.store.fast.prepared import prepare_statement
from cs_sync_schemas.times import count_microseconds

Sweep = Callable[[Iterable[KnownSpan], Sequence[int]], Iterator[tuple[Any, ...]]]


@contextmanager
def share_stocks(
    connection: Connection, scope: Scope, turns: Sequence[datetime], read: Collection[str]
) -> Iterator[None]:
    """Let statements with `Scope.shared_turns` read their stocks inside the context.

    Args:
        connection: The connection of the statements.
        scope: The policy and the time of knowledge.
        turns: The instants of the stocks, in order.
        read: Names of the tables that the statements read, of stocks and of groups.
    """
    with ExitStack() as sharing:
        if connection.dialect.name == "sqlite":
            for table, sweep in ((STOCK, sweep_spans), (STOCK_GROUP, sweep_into_groups)):
                if table.name in read:
                    sharing.enter_context(_provide_table(connection, table))
                    _sweep_into_table(connection, table, sweep, scope, turns)
        else:
            stocks: FromClause = select_stocks(scope, turns).cte("mrr_stocks")
            if STOCK.name in read:
                sharing.enter_context(_share_table(connection, STOCK, select(stocks)))
                stocks = STOCK
            if STOCK_GROUP.name in read:
                groups = select_stock_groups(stocks)
                sharing.enter_context(_share_table(connection, STOCK_GROUP, groups))
        yield


def _sweep_into_table(
    connection: Connection, table: Table, sweep: Sweep, scope: Scope, turns: Sequence[datetime]
) -> None:
    """Fill a table of stocks or groups with rows swept here."""
    names = tuple(table.c.keys())
    fill = prepare_statement(insert(table), connection.dialect, names).text
    spans: Any = connection.execute(select_ordered_spans(scope, turns))
    cursor: Any = connection.connection.cursor()
    cursor.execute("SAVEPOINT stocks")  # else every row would be a transaction
    cursor.executemany(fill, sweep(spans.cursor, list(map(count_microseconds, turns))))
    cursor.execute("RELEASE stocks")
    cursor.close()
    spans.close()


@contextmanager
def share_use(connection: Connection, scope: Scope, read: Collection[str]) -> Iterator[None]:
    """Let statements with `Scope.shared_edges` read use inside the context.

    Args:
        connection: The connection of the statements.
        scope: The edges, the periods, before whose end the days are, and the time of knowledge.
        read: Names of the tables that the statements read.
    """
    made = {
        USED_SPAN: select_spans_to_share(scope.shared_edges),
        TIMED_DAY: select_timed_days_to_share(),
    }
    with ExitStack() as sharing:
        with _share_table(connection, USED_DAY, select_days_to_share(scope)):
            for table in (table for table in SHARED if table.name in read):
                sharing.enter_context(_share_table(connection, table, made[table]))
        yield


@contextmanager
def share_parts(connection: Connection, tables: Iterable[Table]) -> Iterator[None]:
    """Let statements with `Scope.shared_parts` read their parts inside the context.

    Args:
        connection: The connection of the statements.
        tables: The tables that the statements read; each part once.
    """
    rows = {table: get_part_rows(table) for table in tables}
    with ExitStack() as sharing:
        for table, of_part in {t.name: (t, own) for t, own in rows.items()}.values():
            if of_part is not None:
                sharing.enter_context(_share_table(connection, table, of_part))
        yield


@contextmanager
def _share_table(connection: Connection, table: Table, rows: SelectBase) -> Iterator[None]:
    """Provide a temporary table with these rows inside the context."""
    with _provide_table(connection, table):
        connection.execute(insert(table).from_select(list(table.c.keys()), rows))
        if connection.dialect.name == "postgresql":  # it looks at temporary tables by itself never
            connection.execute(text(f"ANALYZE {table.name}"))
        yield


@contextmanager
def _provide_table(connection: Connection, table: Table) -> Iterator[None]:
    """Provide an empty temporary table inside the context."""
    table.create(connection)
    try:
        yield
    finally:
        table.drop(connection)

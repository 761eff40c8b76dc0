"""Temporary tables filled once for all statements of a connection: MRR stocks and days of use."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, insert, text

from cs_sync.metrics.days_of_use import USED_DAY, select_days_to_share
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.mrr_stocks import SPAN, STOCK, select_placed_spans, select_stocks
from cs_sync.metrics.sweep import sweep_spans
from cs_sync.store.fast.prepared import prepare_statement


@contextmanager
def share_stocks(connection: Connection, scope: Scope, turns: Sequence[datetime]) -> Iterator[None]:
    """Let statements with `Scope.shared_turns` read their stocks inside the context.

    Args:
        connection: The connection of the statements.
        scope: The policy and the time of knowledge.
        turns: The instants of the stocks, in order.
    """
    if connection.dialect.name == "sqlite":
        with _provide_table(connection, STOCK):
            _sweep_into_table(connection, scope, turns)
            yield
    else:
        with _share_table(connection, STOCK, select_stocks(scope, turns)):
            yield


def _sweep_into_table(connection: Connection, scope: Scope, turns: Sequence[datetime]) -> None:
    """Fill the table of stocks with rows swept here."""
    names = tuple(STOCK.c.keys())
    fill = prepare_statement(insert(STOCK), connection.dialect, names).text
    in_order = (SPAN.c.account_id, SPAN.c.currency, SPAN.c.valid_from)
    placed: Any = connection.execute(select_placed_spans(scope, turns).order_by(*in_order))
    cursor: Any = connection.connection.cursor()
    cursor.execute("SAVEPOINT stocks")  # else every row would be a transaction
    cursor.executemany(fill, sweep_spans(placed.cursor, len(turns)))
    cursor.execute("RELEASE stocks")
    cursor.close()
    placed.close()


@contextmanager
def share_days(connection: Connection, scope: Scope) -> Iterator[None]:
    """Let statements with `Scope.shared_days` read their days of use inside the context.

    Args:
        connection: The connection of the statements.
        scope: The periods, before whose end the days are, and the time of knowledge.
    """
    with _share_table(connection, USED_DAY, select_days_to_share(scope)):
        yield


@contextmanager
def _share_table(connection: Connection, table: Table, rows: Select[Any]) -> Iterator[None]:
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

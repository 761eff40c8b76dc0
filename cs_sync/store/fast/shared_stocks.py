"""MRR stocks in a temporary table, computed once for all statements of a connection."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, insert, text

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.mrr_stocks import STOCK, select_stocks


@contextmanager
def share_stocks(connection: Connection, scope: Scope, turns: Sequence[datetime]) -> Iterator[None]:
    """Let statements with `Scope.shared_turns` read their stocks inside the context.

    Args:
        connection: The connection of the statements.
        scope: The policy and the time of knowledge.
        turns: The instants of the stocks, in order.
    """
    STOCK.create(connection)
    try:
        stocks = select_stocks(scope, turns)
        connection.execute(insert(STOCK).from_select(list(STOCK.c.keys()), stocks))
        if connection.dialect.name == "postgresql":  # it looks at temporary tables by itself never
            connection.execute(text(f"ANALYZE {STOCK.name}"))
        yield
    finally:
        STOCK.drop(connection)

"""Groups of MRR stocks that no sum can tell apart: a few thousand rows for any number of accounts.

A group holds what is alike in everything that statements ask of a row: when it began and ended, who
was a customer, which amount is above zero, and which is larger. So a condition on a group's sums is
true if it is true of each of its stocks. What multiplies amounts must read the stocks themselves.
"""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    case,
    cast,
    func,
    literal,
    select,
)

from cs_sync.metrics.sql.mrr_stocks import STOCK, is_positive

STOCK_GROUP = Table(
    "mrr_stock_group",
    MetaData(),
    *(Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in STOCK.c),
    Column("accounts", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)
"""The columns of `STOCK`, and the number of accounts.

`account_id` only tells groups apart. An account with several currencies is a group of its own: it
is one customer, whatever its currencies do.
"""
_SUMS = ("amount", "before", "peak")


def select_stock_groups(stocks: FromClause) -> Select[Any]:
    """Select the groups of stocks.

    `sweep.sweep_into_groups` makes the same of spans.

    Args:
        stocks: A relation with the columns of `STOCK`.
    """
    own = stocks.c
    several = (
        select(own.account_id)
        .group_by(own.account_id)
        .having(func.min(own.currency) != func.max(own.currency))
        .cte("accounts_alone")
    )
    equal = [column for column in own if column.name not in ("account_id", *_SUMS)]
    alike = [
        several.c.account_id,
        *equal,
        is_positive(own.amount),
        is_positive(own.before),
        case((own.before == 0, 1), else_=0),
        is_positive(own.amount - own.before),
        is_positive(own.before - own.amount),
        is_positive(own.peak),
    ]
    number = cast(func.row_number().over(), String)
    name = func.coalesce(literal("a") + several.c.account_id, literal("g") + number)
    given: dict[str, ColumnElement[Any]] = {column.name: column for column in equal}
    given |= {name: func.sum(own[name]) for name in _SUMS}
    given |= {"account_id": name, "accounts": func.count()}
    return (
        select(*(given[column.name].label(column.name) for column in STOCK_GROUP.c))
        .select_from(stocks.outerjoin(several, several.c.account_id == own.account_id))
        .group_by(*alike)
    )


def count_accounts(relation: FromClause, condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Count the accounts behind rows with a true condition."""
    return func.sum(case((condition, get_accounts(relation)), else_=0))


def get_accounts(relation: FromClause) -> ColumnElement[int]:
    """Return how many accounts a row stands for."""
    return relation.c.accounts if "accounts" in relation.c else literal(1)

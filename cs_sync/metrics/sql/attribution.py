"""The account and person of tickets, answers and usage, with segments."""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Table,
    not_,
    or_,
    select,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.ownership import join_owner
from cs_sync.metrics.sql.dialects import compute_once
from cs_sync.metrics.sql.relations import is_counted, is_present
from cs_sync.metrics.sql.segments import join_segments
from cs_sync_schemas.tables import ACCOUNT


def select_attributed(
    scope: Scope,
    record: Table,
    *columns: ColumnElement[Any],
    where: ColumnElement[bool],
    name: str | None = None,
    named: bool = True,
    most: bool = False,
) -> CTE:
    """Select existing records with `account_id`, `person`, the segments and these columns.

    The account is the record's own, else its contact's at that time; records of test and
    merged accounts are left out, records without an account stay. `person` is the resolved
    contact, else the source's, else None. Columns of `ACCOUNT` may be among `columns`. The
    segments are those at the end of the scope's last period: `Metric.statements` asks
    period by period.

    Args:
        scope: The periods, segments and time of knowledge.
        record: The table of the records.
        *columns: Further columns.
        where: A condition on the records.
        name: What the relation is called by; by default as the table.
        named: Whether `person` matters; else it is null.
        most: Whether most records of a large table are asked for, without columns of `ACCOUNT`.
    """
    owner = join_owner(record, named=named)
    account_id = owner.account_id
    if most and not scope.by:
        left_out = compute_once(select(ACCOUNT.c.id).where(not_(is_counted())), "left_out")
        owned: FromClause = owner.rows.outerjoin(left_out, left_out.c.id == account_id)
        counted: ColumnElement[bool] = left_out.c.id.is_(None)
    else:
        owned = owner.rows.outerjoin(ACCOUNT, ACCOUNT.c.id == account_id)
        counted = or_(ACCOUNT.c.id.is_(None), is_counted())
    owned, segments = join_segments(scope, owned, ACCOUNT.c.id, scope.periods[-1].ends_at)
    return (
        select(account_id.label("account_id"), owner.person.label("person"), *segments, *columns)
        .select_from(owned)
        .where(is_present(record, scope.known_at), where, counted)
        .cte(f"attributed_{name or record.name}")
    )

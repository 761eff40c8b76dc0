"""The account and the person behind tickets, answers and usage, with segments."""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    String,
    Table,
    cast,
    func,
    literal,
    or_,
    select,
)

from cs_sync.metrics.membership import with_segments
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.ownership import with_owner
from cs_sync.metrics.relations import ACCOUNT, counted, present


def attributed(
    scope: Scope,
    record: Table,
    *columns: ColumnElement[Any],
    where: ColumnElement[bool],
    name: str | None = None,
) -> CTE:
    """Records that are there, with `account_id`, `person`, the segments and these columns.

    The account is the record's own or else its contact's of then; records of test accounts and of
    merged ones are left out, those without any account stay. `person` is the resolved contact,
    or else the source's, or else None. Columns of `ACCOUNT` may be among `columns`. The segments
    are those of the end of the scope's last period: `Metric.statements` asks period by period.
    `name` tells it apart from other rows of the record in one statement.
    """
    found = with_owner(record)
    account_id, who = found.account_id, found.contact_id
    if who is None:
        who = literal(None, String)
    else:
        own = cast(record.c.source, String) + literal(":") + record.c.contact_source_id
        who = func.coalesce(who, own)
    owned: FromClause = found.rows.outerjoin(ACCOUNT, ACCOUNT.c.id == account_id)
    owned, segments = with_segments(scope, owned, ACCOUNT.c.id, scope.periods[-1].ends_at)
    return (
        select(account_id.label("account_id"), who.label("person"), *segments, *columns)
        .select_from(owned)
        .where(present(scope, record), where, or_(ACCOUNT.c.id.is_(None), counted()))
        .cte(f"attributed_{name or record.name}")
    )

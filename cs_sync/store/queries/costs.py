"""Costs of keeping customers, as sources report them."""

from sqlalchemy import Connection, func, select

from cs_sync_schemas.tables import COST

KEEPING = ("retention", "service")
"""Purposes of money spent on customers there are."""


def read_latest_costs(connection: Connection) -> dict[str, int]:
    """Map currency → retention and service costs of the latest month."""
    is_keeping = COST.c.purpose.in_(KEEPING) & COST.c.deleted_at.is_(None)
    latest = select(func.max(COST.c.month)).where(is_keeping).scalar_subquery()
    statement = (
        select(COST.c.currency, func.sum(COST.c.amount))
        .where(is_keeping, COST.c.month == latest)
        .group_by(COST.c.currency)
    )
    return {currency: int(amount) for currency, amount in connection.execute(statement)}

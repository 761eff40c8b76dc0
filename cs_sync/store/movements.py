"""The changes of MRR that are on record."""

from datetime import datetime

from sqlalchemy import Connection, select

from cs_sync.follow_ups.view import MovementFact
from cs_sync_schemas import MrrMovement, table_of

MOVEMENT = table_of(MrrMovement)


def read_movements(
    connection: Connection, policy: str, since: datetime
) -> dict[str, list[MovementFact]]:
    """Account id → its movements since then, as known now, oldest first."""
    statement = (
        select(
            MOVEMENT.c.account_id,
            MOVEMENT.c.at,
            MOVEMENT.c.kind,
            MOVEMENT.c.amount,
            MOVEMENT.c.currency,
            MOVEMENT.c.cause,
            MOVEMENT.c.reason,
        )
        .where(MOVEMENT.c.policy == policy, MOVEMENT.c.known_to.is_(None), MOVEMENT.c.at >= since)
        .order_by(MOVEMENT.c.at, MOVEMENT.c.account_id, MOVEMENT.c.currency)
    )
    found: dict[str, list[MovementFact]] = {}
    for account, *fact in connection.execute(statement):
        found.setdefault(account, []).append(MovementFact(*fact))
    return found

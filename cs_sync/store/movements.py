"""The changes of MRR that are on record, with what was believed before they were learnt."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from cs_sync.follow_ups.movements import Belief, KnownMovement, Looks
from cs_sync.follow_ups.view import MovementFact
from cs_sync.metrics.periods import midnight
from cs_sync.store.closings import read_closings
from cs_sync_schemas import MrrMovement, MrrSpan, Run, table_of

MOVEMENT, SPAN, RUN = table_of(MrrMovement), table_of(MrrSpan), table_of(Run)


def read_movements(
    connection: Connection, policy: str, since: datetime
) -> dict[str, list[KnownMovement]]:
    """Account id → its movements since then in all their versions, oldest first."""
    at, learnt = MOVEMENT.c.at, MOVEMENT.c.known_from
    known = select(SPAN.c.account_id).where(_its_account(), SPAN.c.known_from < learnt).exists()
    beliefs = [belief for instant in (at, learnt) for belief in _beliefs(instant)]
    facts = [MOVEMENT.c[name] for name in ("kind", "amount", "currency", "cause", "reason")]
    statement = (
        select(MOVEMENT.c.account_id, learnt, MOVEMENT.c.known_to, known, *beliefs, at, *facts)
        .where(MOVEMENT.c.policy == policy, at >= since)
        .order_by(at, MOVEMENT.c.account_id, MOVEMENT.c.currency, learnt)
    )
    found: dict[str, list[KnownMovement]] = {}
    for account, known_from, known_to, was_known, *values in connection.execute(statement):
        (then, present), fact = (Belief(*values[:2]), Belief(*values[2:4])), values[4:]
        version = KnownMovement(
            MovementFact(*fact),
            known_from,
            known_to,
            then if was_known else None,
            present if was_known else None,
        )
        found.setdefault(account, []).append(version)
    return found


def read_looks(connection: Connection, policy: str, zone: str, since: datetime) -> Looks:
    """When the sources were read since then, and which months are closed."""
    reading = or_(*(RUN.c.command.startswith(name) for name in ("run", "sync")))
    starts = connection.scalars(
        select(RUN.c.started_at).where(reading, RUN.c.started_at >= since)
    ).all()
    closed = read_closings(connection, policy)
    return Looks(starts, {midnight(turn, zone): known_at for turn, known_at in closed.items()})


def _its_account() -> ColumnElement[bool]:
    return and_(SPAN.c.account_id == MOVEMENT.c.account_id, SPAN.c.policy == MOVEMENT.c.policy)


def _beliefs(instant: ColumnElement[datetime]) -> list[ColumnElement[int]]:
    """The MRR of an instant as it was believed to be before a movement was learnt, and after."""
    learnt = MOVEMENT.c.known_from
    before = SPAN.c.known_from < learnt, or_(SPAN.c.known_to.is_(None), SPAN.c.known_to >= learnt)
    after = SPAN.c.known_from <= learnt, or_(SPAN.c.known_to.is_(None), SPAN.c.known_to > learnt)
    return [func.coalesce(_believed(instant, *when), 0) for when in (before, after)]


def _believed(instant: ColumnElement[datetime], *when: ColumnElement[bool]) -> Any:
    return (
        select(func.max(SPAN.c.amount))
        .where(
            _its_account(),
            SPAN.c.currency == MOVEMENT.c.currency,
            SPAN.c.valid_from <= instant,
            or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to > instant),
            *when,
        )
        .scalar_subquery()
    )

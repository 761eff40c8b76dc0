"""MRR movements on record, with the MRR believed before each was learnt."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from cs_sync.follow_ups.mrr_news import Belief, KnownMovement, SourceReads
from cs_sync.follow_ups.view import MovementFact
from cs_sync.metrics.periods import get_day_start
from cs_sync.metrics.sql.relations import is_known_at
from cs_sync.store.queries.month_close import read_closed_months
from cs_sync_schemas.tables import MRR_MOVEMENT, MRR_SPAN, RUN

MOVEMENT, SPAN = MRR_MOVEMENT, MRR_SPAN


def read_movements(
    connection: Connection, policy: str, since: datetime
) -> dict[str, list[KnownMovement]]:
    """Map account id → its movements since, in all versions."""
    at, learnt = MOVEMENT.c.at, MOVEMENT.c.known_from
    had_spans = (
        select(SPAN.c.account_id).where(_match_account(), SPAN.c.known_from < learnt).exists()
    )
    beliefs = [belief for instant in (at, learnt) for belief in _select_beliefs(instant)]
    facts = [MOVEMENT.c[name] for name in ("kind", "amount", "currency", "cause", "reason")]
    statement = (
        select(MOVEMENT.c.account_id, learnt, MOVEMENT.c.known_to, had_spans, *beliefs, at, *facts)
        .where(MOVEMENT.c.policy == policy, at >= since)
        .order_by(at, MOVEMENT.c.account_id, MOVEMENT.c.currency, learnt)
    )
    movements: dict[str, list[KnownMovement]] = {}
    for account, known_from, known_to, was_known, *values in connection.execute(statement):
        (then, present), fact = (Belief(*values[:2]), Belief(*values[2:4])), values[4:]
        version = KnownMovement(
            MovementFact(*fact),
            known_from,
            known_to,
            then if was_known else None,
            present if was_known else None,
        )
        movements.setdefault(account, []).append(version)
    return movements


def read_sync_times(connection: Connection, policy: str, zone: str, since: datetime) -> SourceReads:
    """Read the starts of syncs since `since`, and the closed months."""
    reading = or_(*(RUN.c.command.startswith(name) for name in ("run", "sync")))
    starts = connection.scalars(
        select(RUN.c.started_at)
        .where(reading, RUN.c.started_at >= since)
        .order_by(RUN.c.started_at)
    ).all()
    closed = read_closed_months(connection, policy)
    return SourceReads(
        starts, {get_day_start(turn, zone): known_at for turn, known_at in closed.items()}
    )


def _match_account() -> ColumnElement[bool]:
    return and_(SPAN.c.account_id == MOVEMENT.c.account_id, SPAN.c.policy == MOVEMENT.c.policy)


def _select_beliefs(instant: ColumnElement[datetime]) -> list[ColumnElement[int]]:
    """Build the MRR columns before and after learning of a movement."""
    learnt = MOVEMENT.c.known_from
    before = SPAN.c.known_from < learnt, or_(SPAN.c.known_to.is_(None), SPAN.c.known_to >= learnt)
    after = (is_known_at(SPAN, learnt),)
    return [func.coalesce(_select_believed_mrr(instant, *when), 0) for when in (before, after)]


def _select_believed_mrr(instant: ColumnElement[datetime], *when: ColumnElement[bool]) -> Any:
    return (
        select(func.max(SPAN.c.amount))
        .where(
            _match_account(),
            SPAN.c.currency == MOVEMENT.c.currency,
            SPAN.c.valid_from <= instant,
            or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to > instant),
            *when,
        )
        .scalar_subquery()
    )

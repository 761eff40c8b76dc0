"""Closed months, and what was learnt of them since: how much, of which account, by which cause."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync.metrics.bridge_relations import bridge_pairs, knowledge
from cs_sync.metrics.metric import Scope
from cs_sync_schemas import MonthClose, MonthReopened, MrrMovement, MrrSpan, table_of

CLOSE, REOPENED = table_of(MonthClose), table_of(MonthReopened)
MOVEMENT, SPAN = table_of(MrrMovement), table_of(MrrSpan)
Totals = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Restated:
    """What was learnt within a period of one account's MRR at its opening: signed minor units."""

    period: int
    account: str
    currency: str
    amount: int
    cause: str


def read_closings(connection: Connection, policy: str) -> dict[date, datetime]:
    """First day after each closed month → what was known when."""
    statement = select(CLOSE.c.turn, CLOSE.c.known_at).where(CLOSE.c.policy == policy)
    return {row.turn: row.known_at for row in connection.execute(statement)}


def read_totals(connection: Connection, policy: str) -> dict[date, Totals]:
    """First day after each closed month → currency → MRR as it was closed."""
    statement = select(CLOSE.c.turn, CLOSE.c.totals).where(CLOSE.c.policy == policy)
    return {row.turn: row.totals for row in connection.execute(statement)}


def read_months(connection: Connection, policy: str) -> list[dict[str, Any]]:
    """The closes of a policy, those that were taken back with when and why, oldest first."""
    closed = connection.execute(select(CLOSE).where(CLOSE.c.policy == policy))
    gone = connection.execute(select(REOPENED).where(REOPENED.c.policy == policy))
    rows = [{"reopened_at": None, "reason": None, **row._asdict()} for row in closed]
    rows += [row._asdict() for row in gone]
    return sorted(rows, key=lambda row: (row["turn"], row["closed_at"]))


def save_closings(
    connection: Connection,
    policy: str,
    totals: Mapping[date, Totals],
    known_at: datetime,
    now: datetime,
) -> None:
    """Close months; one that another program closed meanwhile stays as it is."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    rows = [
        {
            "policy": policy,
            "turn": turn,
            "known_at": known_at,
            "closed_at": now,
            "totals": dict(found),
            "hash": _digest(found),
        }
        for turn, found in totals.items()
    ]
    if rows:
        connection.execute(dialect.insert(CLOSE).on_conflict_do_nothing(), rows)


def reopen_closings(
    connection: Connection, policy: str, since: date, reason: str, now: datetime
) -> list[date]:
    """Take back every close from a day on, and keep what they had fixed; the days they closed."""
    mine = and_(CLOSE.c.policy == policy, CLOSE.c.turn >= since)
    rows = [row._asdict() for row in connection.execute(select(CLOSE).where(mine))]
    if rows:
        told = {"reopened_at": now, "reason": reason}
        connection.execute(insert(REOPENED), [{**row, **told} for row in rows])
        connection.execute(delete(CLOSE).where(mine))
    return sorted(row["turn"] for row in rows)


def _digest(totals: Totals) -> str:
    return hashlib.sha256(json.dumps(totals, sort_keys=True).encode()).hexdigest()


def changed_after(connection: Connection, policy: str, known_at: datetime) -> bool:
    """Whether anything was learnt of MRR since an instant."""
    learnt = or_(SPAN.c.known_from > known_at, SPAN.c.known_to > known_at)
    statement = select(SPAN.c.account_id).where(SPAN.c.policy == policy, learnt).limit(1)
    return connection.scalar(statement) is not None


def read_restated(connection: Connection, scope: Scope) -> list[Restated]:
    """What the periods of a scope restate, per account and currency, the largest first."""
    pairs = bridge_pairs(scope)
    learnt = pairs.c.stood - pairs.c.opening
    statement = select(
        pairs.c.period, pairs.c.account_id, pairs.c.currency, learnt.label("amount")
    ).where(learnt != 0)
    found = [
        Restated(
            row.period,
            row.account_id,
            row.currency,
            int(row.amount),
            _cause(connection, scope, row),
        )
        for row in connection.execute(statement).all()
    ]
    return sorted(found, key=lambda one: (one.period, -abs(one.amount), one.account, one.currency))


def _cause(connection: Connection, scope: Scope, row: Any) -> str:
    """The last movement before the opening that was learnt of, or else was taken back."""
    period = scope.periods[row.period]
    knew, knows = knowledge(scope, period.start), knowledge(scope, period.end)
    mine = and_(
        MOVEMENT.c.policy == scope.policy.hash,
        MOVEMENT.c.account_id == row.account_id,
        MOVEMENT.c.currency == row.currency,
        MOVEMENT.c.at < period.starts_at,
    )

    def last(when: ColumnElement[datetime]) -> Any:
        between = and_(mine, when > knew, when <= knows)
        columns = (MOVEMENT.c.cause, MOVEMENT.c.at, when.label("learnt"))
        found = select(*columns).where(between).order_by(MOVEMENT.c.at.desc())
        return connection.execute(found.limit(1)).one_or_none()

    added, gone = last(MOVEMENT.c.known_from), last(MOVEMENT.c.known_to)
    told = added or gone
    if told is None:
        return "unknown"
    taken_back = "" if added else " taken back"
    zone = ZoneInfo(scope.policy.zone)
    at, learnt = (moment.astimezone(zone).date() for moment in (told.at, told.learnt))
    return f"{told.cause} on {at}{taken_back}, learnt on {learnt}"


def rebuilt_accounts(connection: Connection, scope: Scope) -> int:
    """How many accounts' MRR within the scope's periods is rebuilt, not proven by the source."""
    since, until = scope.periods[0].starts_at, scope.periods[-1].ends_at
    statement = select(func.count(SPAN.c.account_id.distinct())).where(
        SPAN.c.policy == scope.policy.hash,
        SPAN.c.known_to.is_(None),
        SPAN.c.reconstructed.is_(True),
        SPAN.c.valid_from < until,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= since),
    )
    return connection.scalar(statement) or 0


def differing(closed: Mapping[date, Totals], found: Mapping[date, Totals]) -> Iterable[date]:
    """Days at which the closed books no longer add up to what they did when they were closed."""
    return (turn for turn in closed.keys() & found.keys() if closed[turn] != found[turn])

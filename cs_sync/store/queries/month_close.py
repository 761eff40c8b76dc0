"""Closed months and their restatements: amount, account and cause."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.bridge_relations import find_knowledge_time, select_bridge_pairs
from cs_sync.metrics.sql.relations import is_known_at
from cs_sync.store.inserts import build_insert
from cs_sync_schemas.tables import ACCOUNT, MONTH_CLOSE, MONTH_REOPENED, MRR_MOVEMENT, MRR_SPAN

CLOSE, REOPENED = MONTH_CLOSE, MONTH_REOPENED
MOVEMENT, SPAN = MRR_MOVEMENT, MRR_SPAN
Totals = Mapping[str, int]


class Restatement(Struct, frozen=True):
    """A later correction of one account's opening MRR in a period: signed minor units."""

    period: int
    account: str
    currency: str
    amount: int
    cause: str


def read_closed_months(connection: Connection, policy: str) -> dict[date, datetime]:
    """Map first day after each closed month → its knowledge time.

    Args:
        connection: A read connection.
        policy: Hash of the MRR policy.
    """
    statement = select(CLOSE.c.turn, CLOSE.c.known_at).where(CLOSE.c.policy == policy)
    return {row.turn: row.known_at for row in connection.execute(statement)}


def read_closed_totals(connection: Connection, policy: str) -> dict[date, Totals]:
    """Map each closed month's turn → currency → MRR in minor units.

    Args:
        connection: A read connection.
        policy: Hash of the MRR policy.
    """
    statement = select(CLOSE.c.turn, CLOSE.c.totals).where(CLOSE.c.policy == policy)
    return {row.turn: row.totals for row in connection.execute(statement)}


def read_month_history(connection: Connection, policy: str) -> list[dict[str, Any]]:
    """Return all month closes of a policy, oldest first.

    Reopened months are included, with the time and the reason.
    """
    closed = connection.execute(select(CLOSE).where(CLOSE.c.policy == policy))
    reopened = connection.execute(select(REOPENED).where(REOPENED.c.policy == policy))
    rows = [{"reopened_at": None, "reason": None, **row._asdict()} for row in closed]
    rows += [row._asdict() for row in reopened]
    return sorted(rows, key=lambda row: (row["turn"], row["closed_at"]))


def save_month_closes(
    connection: Connection,
    policy: str,
    totals: Mapping[date, Totals],
    known_at: datetime,
    now: datetime,
) -> None:
    """Close months; a month closed meanwhile by another process stays unchanged.

    Args:
        connection: A write transaction.
        policy: Hash of the MRR policy.
        totals: First day after the month → currency → MRR in minor units.
        known_at: The knowledge time of the totals.
        now: The time of the close.
    """
    rows = [
        {
            "policy": policy,
            "turn": turn,
            "known_at": known_at,
            "closed_at": now,
            "totals": dict(amounts),
            "hash": _hash_totals(amounts),
        }
        for turn, amounts in totals.items()
    ]
    if rows:
        connection.execute(build_insert(connection.dialect, CLOSE).on_conflict_do_nothing(), rows)


def reopen_closed_months(
    connection: Connection, policy: str, since: date, reason: str, now: datetime
) -> list[date]:
    """Reopen all closed months from a day on; their closes are archived.

    Args:
        connection: A write transaction.
        policy: Hash of the MRR policy.
        since: The earliest first day after the month.
        reason: The person's reason.
        now: The time of reopening.

    Returns:
        The first days after the reopened months, in order.
    """
    affected = and_(CLOSE.c.policy == policy, CLOSE.c.turn >= since)
    rows = [row._asdict() for row in connection.execute(select(CLOSE).where(affected))]
    if rows:
        reopening = {"reopened_at": now, "reason": reason}
        connection.execute(insert(REOPENED), [{**row, **reopening} for row in rows])
        connection.execute(delete(CLOSE).where(affected))
    return sorted(row["turn"] for row in rows)


def _hash_totals(totals: Totals) -> str:
    return hashlib.sha256(json.dumps(totals, sort_keys=True).encode()).hexdigest()


def has_mrr_changed_after(connection: Connection, policy: str, known_at: datetime) -> bool:
    """Return whether knowledge of MRR changed after `known_at`."""
    learnt = or_(SPAN.c.known_from > known_at, SPAN.c.known_to > known_at)
    statement = select(SPAN.c.account_id).where(SPAN.c.policy == policy, learnt).limit(1)
    return connection.scalar(statement) is not None


def is_known_as_closed(connection: Connection, scope: Scope) -> bool:
    """Return whether the MRR of closed months is what is known now.

    Nothing was learnt since the first closing, and no account with MRR was merged.
    """
    if has_mrr_changed_after(connection, scope.policy.hash, min(scope.closed.values())):
        return False
    own = and_(SPAN.c.account_id == ACCOUNT.c.id, SPAN.c.policy == scope.policy.hash)
    merged = select(ACCOUNT.c.id).join(SPAN, own).where(ACCOUNT.c.merged_into.is_not(None))
    return connection.scalar(merged.limit(1)) is None


def read_restatements(connection: Connection, scope: Scope) -> list[Restatement]:
    """Return the restatements within a scope's periods, by period, largest first.

    Returns:
        One per period, account and currency.
    """
    pairs = select_bridge_pairs(scope)
    learnt = pairs.c.stood - pairs.c.opening
    statement = select(
        pairs.c.period, pairs.c.account_id, pairs.c.currency, learnt.label("amount")
    ).where(learnt != 0)
    restatements = [
        Restatement(
            row.period,
            row.account_id,
            row.currency,
            int(row.amount),
            _describe_cause(connection, scope, row),
        )
        for row in connection.execute(statement).all()
    ]
    return sorted(
        restatements,
        key=lambda restatement: (
            restatement.period,
            -abs(restatement.amount),
            restatement.account,
            restatement.currency,
        ),
    )


def _describe_cause(connection: Connection, scope: Scope, row: Any) -> str:
    """Describe the last earlier movement learnt, or else withdrawn, in the period."""
    period = scope.periods[row.period]
    knew, knows = find_knowledge_time(scope, period.start), find_knowledge_time(scope, period.end)
    own_movements = and_(
        MOVEMENT.c.policy == scope.policy.hash,
        MOVEMENT.c.account_id == row.account_id,
        MOVEMENT.c.currency == row.currency,
        MOVEMENT.c.at < period.starts_at,
    )

    def last(when: ColumnElement[datetime]) -> Any:
        between = and_(own_movements, when > knew, when <= knows)
        columns = (MOVEMENT.c.cause, MOVEMENT.c.at, when.label("learnt"))
        query = select(*columns).where(between).order_by(MOVEMENT.c.at.desc())
        return connection.execute(query.limit(1)).one_or_none()

    added, removed = last(MOVEMENT.c.known_from), last(MOVEMENT.c.known_to)
    movement = added or removed
    if movement is None:
        return "unknown"
    taken_back = "" if added else " taken back"
    zone = ZoneInfo(scope.policy.zone)
    at, learnt = (moment.astimezone(zone).date() for moment in (movement.at, movement.learnt))
    return f"{movement.cause} on {at}{taken_back}, learnt on {learnt}"


def count_reconstructed_accounts(connection: Connection, scope: Scope) -> int:
    """Count the accounts with reconstructed (estimated) MRR in a scope."""
    since, until = scope.periods[0].starts_at, scope.periods[-1].ends_at
    statement = select(func.count(SPAN.c.account_id.distinct())).where(
        SPAN.c.policy == scope.policy.hash,
        is_known_at(SPAN, None),
        SPAN.c.reconstructed.is_(True),
        SPAN.c.valid_from < until,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= since),
    )
    return connection.scalar(statement) or 0


def find_differing_months(
    closed: Mapping[date, Totals], current: Mapping[date, Totals]
) -> Iterable[date]:
    """Return the first days after months whose totals differ from their close.

    Args:
        closed: First day after the month → totals at the close.
        current: First day after the month → totals now.
    """
    return (turn for turn in closed.keys() & current.keys() if closed[turn] != current[turn])

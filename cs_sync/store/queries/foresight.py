"""Facts of observations and fitted models: history, first MRR, who left in a horizon."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, exists, func, select

from cs_sync.metrics.catalogue.churn import build_churn_reason
from cs_sync.metrics.sql.relations import is_known_at
from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas.tables import (
    ACCOUNT_CHANGE,
    FEATURE_DAY,
    FORESIGHT_JUDGEMENT,
    FORESIGHT_MODEL,
    INVOICE,
    MRR_MOVEMENT,
    MRR_SPAN,
    RUN,
    RUN_STREAM,
    SOURCE_ACCOUNT,
    SURVEY_RESPONSE,
    TICKET,
    USAGE_DAY,
)
from cs_sync_schemas.values import CONTACT_FIELD

SPAN, MOVEMENT = MRR_SPAN, MRR_MOVEMENT
RECORD, CHANGE = SOURCE_ACCOUNT, ACCOUNT_CHANGE
MODEL, JUDGEMENT = FORESIGHT_MODEL, FORESIGHT_JUDGEMENT
_DATED = (
    USAGE_DAY.c.day,
    FEATURE_DAY.c.day,
    INVOICE.c.issued_at,
    TICKET.c.opened_at,
    SURVEY_RESPONSE.c.answered_at,
    MOVEMENT.c.at,
)
"""The columns that date facts of customers."""


def read_first_mrr_time(connection: Connection, policy: str, known_at: datetime) -> datetime | None:
    """Return the start of the first MRR known at an instant."""
    statement = select(func.min(SPAN.c.valid_from)).where(
        SPAN.c.policy == policy, SPAN.c.amount > 0, is_known_at(SPAN, known_at)
    )
    first: datetime | None = connection.scalar(statement)
    return first


def read_newest_fact_time(connection: Connection, now: datetime) -> datetime | None:
    """Return when the newest fact of the past happened."""
    times = []
    for column in _DATED:
        by_day = column.type.python_type is date
        newest = connection.scalar(
            select(func.max(column)).where(column <= (now.date() if by_day else now))
        )
        if newest is not None:
            times.append(datetime.combine(newest, time.max, UTC) if by_day else newest)
    return min(now, max(times)) if times else None


def read_first_read_time(
    connection: Connection, sources: Collection[str], policy: str
) -> datetime | None:
    """Find when these sources and the MRR had been read once.

    Every stream of the sources.

    Args:
        connection: A read connection.
        sources: Names of the configured sources.
        policy: Hash of the MRR policy.

    Returns:
        The end of the run in which that was so; None before any MRR.
    """
    learnt = connection.scalar(select(func.min(SPAN.c.known_from)).where(SPAN.c.policy == policy))
    if learnt is None:
        return None
    firsts = connection.scalars(
        select(func.min(RUN_STREAM.c.ended_at))
        .where(RUN_STREAM.c.source.in_(sources), RUN_STREAM.c.status != "failed")
        .group_by(RUN_STREAM.c.source, RUN_STREAM.c.stream)
    )
    known: datetime = max([learnt, *firsts])
    ended = connection.scalar(select(func.min(RUN.c.ended_at)).where(RUN.c.ended_at >= known))
    return ended or known


def tells_contacts(connection: Connection) -> bool:
    """Return whether every source of last contacts tells the earlier ones, too."""
    last = RECORD.c.last_contacted_at
    sources = select(RECORD.c.source).where(last.is_not(None), RECORD.c.deleted_at.is_(None))
    named = connection.scalars(sources.distinct()).all()
    conditions = (
        exists().where(CHANGE.c.source == source, CHANGE.c.field == CONTACT_FIELD)
        for source in named
    )
    return bool(named) and all(connection.scalar(select(condition)) for condition in conditions)


def read_first_mrr(connection: Connection, policy: str, known_at: datetime) -> dict[str, datetime]:
    """Map account id → the start of its first MRR.

    As known at an instant.
    """
    statement = (
        select(SPAN.c.account_id, func.min(SPAN.c.valid_from))
        .where(SPAN.c.policy == policy, SPAN.c.amount > 0, is_known_at(SPAN, known_at))
        .group_by(SPAN.c.account_id)
    )
    return {row.account_id: row[1] for row in connection.execute(statement)}


def read_churn(
    connection: Connection, policy: str, since: datetime, until: datetime, known_at: datetime
) -> dict[str, list[tuple[datetime, str]]]:
    """Map account id → its churn in `(since, until]` and reason's group."""
    statement = (
        select(MOVEMENT.c.account_id, MOVEMENT.c.at, build_churn_reason())
        .where(
            MOVEMENT.c.policy == policy,
            MOVEMENT.c.kind == "churn",
            MOVEMENT.c.at > since,
            MOVEMENT.c.at <= until,
            is_known_at(MOVEMENT, known_at),
        )
        .order_by(MOVEMENT.c.account_id, MOVEMENT.c.at, MOVEMENT.c.currency)
    )
    left: dict[str, list[tuple[datetime, str]]] = {}
    for account, at, reason in connection.execute(statement):
        left.setdefault(account, []).append((at, reason))
    return left


def save_models(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store fitted models (rows of `foresight_model`)."""
    upsert_rows(connection, MODEL, rows)


def save_judgement(connection: Connection, row: Mapping[str, Any]) -> None:
    """Store what a backtest found (a row of `foresight_judgement`)."""
    upsert_rows(connection, JUDGEMENT, [row])


def read_last_judgement(
    connection: Connection, version: int | None = None
) -> dict[str, Any] | None:
    """Read the last judgement, or that of a version.

    It is a row of `foresight_judgement`.
    """
    statement = select(JUDGEMENT).order_by(JUDGEMENT.c.version.desc()).limit(1)
    if version is not None:
        statement = statement.where(JUDGEMENT.c.version == version)
    row = connection.execute(statement).first()
    return None if row is None else row._asdict()


def read_last_version(connection: Connection) -> int:
    """Read the highest version of any model or judgement.

    0 before the first.
    """
    versions = (connection.scalar(select(func.max(t.c.version))) for t in (MODEL, JUDGEMENT))
    return max(version or 0 for version in versions)


def read_accepted_models(connection: Connection) -> dict[str, dict[str, Any]]:
    """Map target → its last accepted model (a row of `foresight_model`)."""
    statement = select(MODEL).where(MODEL.c.accepted).order_by(MODEL.c.version)
    return {row.target: row._asdict() for row in connection.execute(statement)}

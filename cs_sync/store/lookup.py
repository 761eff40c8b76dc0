"""Looking accounts up: by any name they answer to, and what they pay at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from cs_sync.metrics.as_known import as_known
from cs_sync_schemas import Account, AccountLink, MrrSpan, table_of

ACCOUNT, LINK, SPAN = table_of(Account), table_of(AccountLink), table_of(MrrSpan)


@dataclass(frozen=True, slots=True)
class Span:
    """An account's MRR in one currency, in minor units, in `[valid_from, valid_to)`."""

    currency: str
    amount: int
    valid_from: datetime
    valid_to: datetime | None


def find_account(connection: Connection, name: str, known_at: datetime | None = None) -> list[str]:
    """Ids of the accounts with this id, own id, domain, name or record id; an exact id wins.

    They are those of now, or of what was known then.
    """

    def found(statement: Select[Any]) -> list[Any]:
        then = statement if known_at is None else as_known(statement, known_at)
        return list(connection.execute(then).all())

    itself = select(ACCOUNT.c.id, ACCOUNT.c.merged_into).where(ACCOUNT.c.id == name)
    for exact in found(itself):
        return [exact.merged_into or exact.id]
    linked = select(LINK.c.account_id).where(LINK.c.source_id == name)
    statement = select(ACCOUNT.c.id).where(
        ACCOUNT.c.merged_into.is_(None),
        or_(
            ACCOUNT.c.external_key == name,
            ACCOUNT.c.domain == name.lower(),
            func.lower(ACCOUNT.c.name) == name.lower(),
            ACCOUNT.c.id.in_(linked),
        ),
    )
    return [row.id for row in found(statement.order_by(ACCOUNT.c.id))]


def mrr_at(
    connection: Connection,
    at: datetime,
    accounts: Sequence[str] = (),
    policy: str | None = None,
    known_at: datetime | None = None,
) -> dict[str, dict[str, int]]:
    """Account id → currency → MRR in minor units at an instant, as known now or then."""
    statement = select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.amount).where(
        _known(known_at),
        SPAN.c.valid_from <= at,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to > at),
    )
    if accounts:
        statement = statement.where(SPAN.c.account_id.in_(accounts))
    if policy is not None:
        statement = statement.where(SPAN.c.policy == policy)
    found: dict[str, dict[str, int]] = {}
    for account, currency, amount in connection.execute(statement):
        found.setdefault(account, {})[currency] = amount
    return found


def _known(at: datetime | None) -> ColumnElement[bool]:
    if at is None:
        return SPAN.c.known_to.is_(None)
    return and_(SPAN.c.known_from <= at, or_(SPAN.c.known_to.is_(None), SPAN.c.known_to > at))


def mrr_spans(connection: Connection, policy: str) -> dict[str, list[Span]]:
    """Account id → its MRR over time, as known now."""
    statement = (
        select(
            SPAN.c.account_id, SPAN.c.currency, SPAN.c.amount, SPAN.c.valid_from, SPAN.c.valid_to
        )
        .where(SPAN.c.known_to.is_(None), SPAN.c.policy == policy)
        .order_by(SPAN.c.account_id, SPAN.c.valid_from)
    )
    found: dict[str, list[Span]] = {}
    for account, *span in connection.execute(statement):
        found.setdefault(account, []).append(Span(*span))
    return found

"""Account lookup: ids by any name, and MRR at an instant."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, Select, and_, func, or_, select

from cs_sync.metrics.sql.chosen_accounts import ChosenAccounts, is_chosen
from cs_sync.metrics.sql.relations import is_known_at
from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync_schemas.tables import ACCOUNT, ACCOUNT_LINK, MRR_SPAN, SOURCE_ACCOUNT

LINK, SPAN = ACCOUNT_LINK, MRR_SPAN
RECORD = SOURCE_ACCOUNT


class Span(Struct, frozen=True):
    """An account's MRR in one currency, in minor units, in `[valid_from, valid_to)`."""

    currency: str
    amount: int
    valid_from: datetime
    valid_to: datetime | None


def read_first_account_time(connection: Connection) -> datetime | None:
    """Return when the first account was first seen; None without accounts."""
    first: datetime | None = connection.scalar(select(func.min(ACCOUNT.c.first_seen_at)))
    return first


def find_accounts(connection: Connection, name: str, known_at: datetime | None = None) -> list[str]:
    """Return the accounts with this id, else with this name.

    Args:
        connection: A read connection.
        name: An account id, external key, domain, name or record id.
        known_at: The knowledge time; None means now.
    """

    def read_matches(statement: Select[Any]) -> list[Any]:
        then = statement if known_at is None else rewrite_as_of(statement, known_at)
        return list(connection.execute(then).all())

    itself = select(ACCOUNT.c.id, ACCOUNT.c.merged_into).where(ACCOUNT.c.id == name)
    for exact in read_matches(itself):
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
    return [row.id for row in read_matches(statement.order_by(ACCOUNT.c.id))]


def read_mrr_at(
    connection: Connection,
    at: datetime,
    policy: str,
    accounts: ChosenAccounts = (),
    known_at: datetime | None = None,
) -> dict[str, dict[str, int]]:
    """Read the MRR at an instant.

    Args:
        connection: A read connection.
        at: The instant.
        policy: Hash of the MRR policy.
        accounts: The accounts.
        known_at: The knowledge time; None means now.

    Returns:
        Account id → currency → minor units.
    """
    statement = select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.amount).where(
        SPAN.c.policy == policy,
        is_known_at(SPAN, known_at),
        SPAN.c.valid_from <= at,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to > at),
        is_chosen(SPAN.c.account_id, accounts),
    )
    mrr: dict[str, dict[str, int]] = {}
    for account, currency, amount in connection.execute(statement):
        mrr.setdefault(account, {})[currency] = amount
    shared: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}  # many pay the same
    return {account: shared.setdefault(tuple(own.items()), own) for account, own in mrr.items()}


def read_subscription_mrr(
    connection: Connection, policy: str, at: datetime
) -> dict[tuple[str, str], tuple[str, str, int]]:
    """Map (source, subscription) → its account, currency and MRR."""
    statement = select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.parts).where(
        SPAN.c.policy == policy,
        SPAN.c.known_to.is_(None),
        SPAN.c.valid_from <= at,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to > at),
    )
    mrr: dict[tuple[str, str], tuple[str, str, int]] = {}
    for account, currency, parts in connection.execute(statement):
        for part in parts:
            key = part["source"], part["subscription"]
            so_far = mrr.get(key, (account, currency, 0))[2]
            mrr[key] = account, currency, so_far + int(part["amount"])
    return mrr


def read_mrr_spans(
    connection: Connection, policy: str, accounts: ChosenAccounts = ()
) -> dict[str, list[Span]]:
    """Map account id → its MRR spans as known now, oldest first.

    Args:
        connection: A read connection.
        policy: Hash of the MRR policy.
        accounts: The accounts.
    """
    statement = (
        select(
            SPAN.c.account_id, SPAN.c.currency, SPAN.c.amount, SPAN.c.valid_from, SPAN.c.valid_to
        )
        .where(is_known_at(SPAN, None), SPAN.c.policy == policy)
        .where(is_chosen(SPAN.c.account_id, accounts))
        .order_by(SPAN.c.account_id, SPAN.c.valid_from)
    )
    spans: dict[str, list[Span]] = {}
    for account, *span in connection.execute(statement):
        spans.setdefault(account, []).append(Span(*span))
    return spans


def get_mrr_before(spans: Iterable[Span], at: datetime) -> dict[str, int]:
    """Return an account's MRR just before an instant, by currency."""
    return {
        span.currency: span.amount
        for span in spans
        if span.valid_from < at and (span.valid_to is None or span.valid_to >= at)
    }


def find_first_paid(spans: Iterable[Span], zone: ZoneInfo) -> date | None:
    """Find the day of an account's first MRR above zero.

    None without any.
    """
    first = min((span.valid_from for span in spans if span.amount > 0), default=None)
    return None if first is None else first.astimezone(zone).date()


def read_linked_records(connection: Connection) -> list[dict[str, Any]]:
    """Return one row per account and linked source record, by account."""
    same_record = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
    statement = (
        select(
            ACCOUNT.c.id.label("account"),
            ACCOUNT.c.name,
            ACCOUNT.c.merged_into,
            LINK.c.source,
            LINK.c.source_id,
            LINK.c.rule,
            LINK.c.reason,
            LINK.c.decided_by,
            LINK.c.since,
            RECORD.c.deleted_at,
        )
        .select_from(ACCOUNT.outerjoin(LINK, LINK.c.account_id == ACCOUNT.c.id))
        .outerjoin(RECORD, same_record)
        .order_by(ACCOUNT.c.id, LINK.c.source, LINK.c.source_id)
    )
    return [row._asdict() for row in connection.execute(statement)]

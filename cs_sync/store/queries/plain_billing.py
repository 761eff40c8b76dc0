"""What the integer path of MRR reads: versions of items of accounts with nothing to rebuild."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)

from cs_sync.metrics.mrr.facts import PlainVersion
from cs_sync.metrics.mrr.plain import PLAIN_STATUSES
from cs_sync.metrics.ownership import LINK, names_account
from cs_sync.store.fast.prepared import (
    STATEMENT_CACHE_SIZE,
    PreparedStatement,
    match_ids,
    prepare_statement,
)
from cs_sync.store.upserts import split_chunks
from cs_sync_schemas import get_history_table
from cs_sync_schemas.tables import (
    DISCOUNT,
    INVOICE_LINE,
    SUBSCRIPTION,
    SUBSCRIPTION_CHANGE,
    SUBSCRIPTION_ITEM,
)
from cs_sync_schemas.times import Microseconds

ITEM = SUBSCRIPTION_ITEM
LINE = INVOICE_LINE
CHANGE, PAST = SUBSCRIPTION_CHANGE, get_history_table(SUBSCRIPTION)
assert PAST is not None  # noqa: S101 - subscriptions are remembered
_OF_SUBSCRIPTIONS = (
    DISCOUNT.c.subscription_source_id,
    LINE.c.subscription_source_id,
    CHANGE.c.subscription_source_id,
    PAST.c.source_id,
)
"""What refers to a subscription that is not plain."""
_OF_ITEMS = (DISCOUNT.c.subscription_item_source_id,)
_WORDS = {word: word for word in (*PLAIN_STATUSES, "licensed", "null")}
_ONE, _ZERO = literal_column("1", Integer), literal_column("0", Integer)
Ids = Mapping[tuple[str, str], str]
"""(source, id of a record) → its account."""


def read_plain_versions(
    connection: Connection, accounts: Sequence[str]
) -> dict[str, list[PlainVersion]]:
    """Read the items of the accounts that the integer path knows.

    Args:
        connection: A read connection.
        accounts: Account ids.

    Returns:
        Account id → the versions of its items, none where it has no subscription. Accounts with
        discounts, invoice lines, reported changes or remembered versions are left out.
    """
    plain: dict[str, list[PlainVersion]] = {account: [] for account in accounts}
    query = _prepare_versions(connection.dialect)
    for chunk in split_chunks(accounts):
        for version in map(PlainVersion._make, query.rows(connection, ids=chunk, **_WORDS)):
            plain[version.account_id].append(version)
    for account in _find_special_accounts(connection, plain):
        plain.pop(account, None)
    return plain


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_versions(dialect: Dialect) -> PreparedStatement:
    sub, item = SUBSCRIPTION.c, ITEM.c
    ends_at = func.coalesce(sub.ended_at, sub.cancel_at)
    is_removed = and_(
        item.is_snapshot,
        item.valid_to.is_not(None),
        or_(sub.ended_at.is_(None), sub.ended_at != item.valid_to),
    )
    columns = (
        LINK.c.account_id, sub.source, sub.source_id.label("subscription"), sub.currency,
        _number(sub.started_at), _number(ends_at.label("ends_at")), sub.cancel_reason,
        item.source_id, _number(item.valid_from), _number(item.valid_to), item.product,
        item.price, cast(item.unit_amount, Text), cast(item.quantity, Text), item.interval,
        item.interval_count,
        case((is_removed, _ONE), else_=_ZERO).label("removed"),
        case((_is_plain(ends_at), _ONE), else_=_ZERO).label("plain"),
    )  # fmt: skip
    own = and_(
        item.source == sub.source,
        item.subscription_source_id == sub.source_id,
        item.deleted_at.is_(None),
    )
    statement = (
        select(*columns)
        .select_from(LINK.join(SUBSCRIPTION, names_account(SUBSCRIPTION)).outerjoin(ITEM, own))
        .where(sub.deleted_at.is_(None), match_ids(LINK.c.account_id, dialect))
    )
    return prepare_statement(statement, dialect)


def _number(instant: ColumnElement[Any]) -> ColumnElement[int]:
    return type_coerce(instant, Microseconds())


def _is_plain(ends_at: ColumnElement[object]) -> ColumnElement[bool]:
    """Build the condition for plain subscriptions and items, if any."""
    sub, item = SUBSCRIPTION.c, ITEM.c
    licensed = and_(
        item.usage_type == bindparam("licensed"),
        item.unit_amount.is_not(None),
        or_(item.tiers.is_(None), cast(item.tiers, Text) == bindparam("null")),
        item.divide_by.is_(None),
        item.inclusive_tax_percent.is_(None),
    )
    return and_(
        or_(*(sub.status == bindparam(status) for status in PLAIN_STATUSES)),
        or_(sub.status != bindparam("canceled"), ends_at.is_not(None)),
        sub.trial_end.is_(None),
        sub.collection_paused.is_(None),
        or_(item.source_id.is_(None), licensed),
    )


def _find_special_accounts(
    connection: Connection, plain: Mapping[str, Sequence[PlainVersion]]
) -> Iterator[str]:
    """Find accounts with discounts, invoice lines, reported changes or remembered versions."""
    versions = [version for own in plain.values() for version in own]
    referring = [(column, _own_subscriptions) for column in _OF_SUBSCRIPTIONS]
    referring += [(column, _own_items) for column in _OF_ITEMS]
    for column, own in referring:
        if _is_occupied(connection, column):
            owner = own(versions)
            for key in _read_references(connection, column, owner):
                if key in owner:
                    yield owner[key]
    if _is_occupied(connection, DISCOUNT.c.account_source_id):
        query = _prepare_discounted(connection.dialect)
        for chunk in split_chunks(plain):
            yield from (account for (account,) in query.rows(connection, ids=chunk))


def _own_subscriptions(versions: Iterable[PlainVersion]) -> Ids:
    return {
        (version.source, version.subscription_source_id): version.account_id for version in versions
    }


def _own_items(versions: Iterable[PlainVersion]) -> Ids:
    return {
        (version.source, version.source_id): version.account_id
        for version in versions
        if version.source_id is not None
    }


def _is_occupied(connection: Connection, column: Column[str]) -> bool:
    """Return whether a column's table has any row.

    Of what is empty nobody is asked for.
    """
    return bool(connection.scalar(select(select(_ONE).select_from(column.table).exists())))


def _read_references(
    connection: Connection, column: Column[str], ids: Ids
) -> Iterator[tuple[str, str]]:
    """Read the keys that living rows of a table refer to."""
    query = _prepare_references(connection.dialect, column)
    for chunk in split_chunks(sorted({source_id for _, source_id in ids})):
        yield from query.rows(connection, ids=chunk)


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_references(dialect: Dialect, column: Column[str]) -> PreparedStatement:
    table = column.table
    living = and_(match_ids(column, dialect), table.c.deleted_at.is_(None))
    return prepare_statement(select(table.c.source, column).where(living), dialect)


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_discounted(dialect: Dialect) -> PreparedStatement:
    statement = (
        select(LINK.c.account_id)
        .join_from(DISCOUNT, LINK, names_account(DISCOUNT))
        .where(DISCOUNT.c.deleted_at.is_(None), match_ids(LINK.c.account_id, dialect))
    )
    return prepare_statement(statement, dialect)

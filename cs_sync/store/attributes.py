"""The attributes of accounts and their history."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select, update

from cs_sync.store.records import upsert
from cs_sync_schemas import AccountAttribute, table_of

ATTRIBUTE = table_of(AccountAttribute)
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
"""What is seen of an account for the first time is taken to have been so from the beginning."""


def known_attributes(connection: Connection) -> set[str]:
    """Every attribute name that any account carries or carried."""
    return set(connection.scalars(select(ATTRIBUTE.c.name).distinct()))


def as_text(value: Any) -> str:
    """A value as segments show it, the same from every database: true, 5, pro."""
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def save_attributes(
    connection: Connection, accounts: Iterable[tuple[str, Mapping[str, Any]]], now: datetime
) -> None:
    """Note which attributes these accounts have now; what differs from before holds from now on."""
    stored: dict[str, dict[str, Any]] = {}
    for row in connection.execute(select(ATTRIBUTE).order_by(ATTRIBUTE.c.valid_from)):
        stored.setdefault(row.account_id, {})[row.name] = row
    begun: list[dict[str, Any]] = []
    for account, attributes in accounts:
        before = stored.get(account, {})
        given = {name: as_text(value) for name, value in attributes.items() if value is not None}
        for name, last in before.items():
            if last.valid_to is None and given.get(name) != last.value:
                _end(connection, last, now)
        for name, value in given.items():
            known = before.get(name)
            if known is None or known.valid_to is not None or known.value != value:
                begun.append(_row(account, name, value, now if known else BEGINNING, now))
    upsert(connection, ATTRIBUTE, begun)


def _row(
    account: str, name: str, value: str, valid_from: datetime, now: datetime
) -> dict[str, Any]:
    return {
        "account_id": account,
        "name": name,
        "valid_from": valid_from,
        "valid_to": None,
        "known_from": now,
        "value": value,
    }


def _end(connection: Connection, row: Any, now: datetime) -> None:
    same = (getattr(row, column.name) == column for column in ATTRIBUTE.primary_key)
    connection.execute(update(ATTRIBUTE).where(*same).values(valid_to=now))

"""The attributes of accounts and their history, each row with when it was known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, bindparam, select, update

from cs_sync.metrics.mrr.plans import Held
from cs_sync.store.records import chunks, upsert
from cs_sync_schemas import AccountAttribute, Product, table_of

ATTRIBUTE, PRODUCT = table_of(AccountAttribute), table_of(Product)
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
"""What is seen of an account for the first time is taken to have been so from the beginning."""
PLAN = "plan"
"""Follows from what is paid, until a source says it."""


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
    said = _known(ATTRIBUTE.c.derived.is_(False)).order_by(ATTRIBUTE.c.valid_from)
    for row in connection.execute(said):
        stored.setdefault(row.account_id, {})[row.name] = row._asdict()
    ended: list[dict[str, Any]] = []
    begun: list[dict[str, Any]] = []
    for account, attributes in accounts:
        before = stored.get(account, {})
        given = {name: as_text(value) for name, value in attributes.items() if value is not None}
        for name, last in before.items():
            if last["valid_to"] is None and given.get(name) != last["value"]:
                ended.append(last)
        for name, value in given.items():
            known = before.get(name)
            if known is None or known["valid_to"] is not None or known["value"] != value:
                begun.append(_row(account, name, value, now if known else BEGINNING, None, now))
    if any(row["name"] == PLAN for row in begun):
        _unlearn(connection, _derived(connection), now)
    _unlearn(connection, ended, now)
    again = [{**row, "valid_to": now, "known_from": now, "known_to": None} for row in ended]
    upsert(connection, ATTRIBUTE, [*again, *begun])


def a_source_says_plans(connection: Connection) -> bool:
    """Whether any source has an attribute `plan`: then it is not derived for anybody."""
    said = _known(ATTRIBUTE.c.name == PLAN, ATTRIBUTE.c.derived.is_(False)).limit(1)
    return connection.execute(said).first() is not None


def save_plans(connection: Connection, plans: Mapping[str, Sequence[Held]], now: datetime) -> None:
    """Store what these accounts pay for as their attribute `plan`, by the name of the product."""
    names: dict[tuple[str, str], str | None] = {
        (row.source, row.source_id): row.name
        for row in connection.execute(select(PRODUCT.c.source, PRODUCT.c.source_id, PRODUCT.c.name))
    }
    fresh = [
        _row(account, PLAN, names.get(one.product) or one.product[1], start, one.until, now, True)
        for account, held in plans.items()
        for start, one in zip([BEGINNING, *(one.since for one in held[1:])], held, strict=False)
    ]
    stored = [row for some in chunks(plans) for row in _derived(connection, some)]
    believed, found = set(map(_content, stored)), set(map(_content, fresh))
    _unlearn(connection, [row for row in stored if _content(row) not in found], now)
    upsert(connection, ATTRIBUTE, [row for row in fresh if _content(row) not in believed])


def _known(*which: ColumnElement[bool]) -> Select[Any]:
    return select(ATTRIBUTE).where(ATTRIBUTE.c.known_to.is_(None), *which)


def _derived(connection: Connection, accounts: Sequence[str] | None = None) -> list[dict[str, Any]]:
    mine = [] if accounts is None else [ATTRIBUTE.c.account_id.in_(accounts)]
    found = connection.execute(_known(ATTRIBUTE.c.derived.is_(True), *mine))
    return [row._asdict() for row in found]


def _row(
    account: str,
    name: str,
    value: str,
    valid_from: datetime,
    valid_to: datetime | None,
    now: datetime,
    derived: bool = False,
) -> dict[str, Any]:
    return {
        "account_id": account,
        "name": name,
        "valid_from": valid_from,
        "known_from": now,
        "valid_to": valid_to,
        "known_to": None,
        "value": value,
        "derived": derived,
    }


def _content(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("account_id", "name", "valid_from", "valid_to", "value"))


def _unlearn(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """These rows were believed until now; they stay for whoever asks what was known then."""
    if not rows:
        return
    keys = [column.name for column in ATTRIBUTE.primary_key]
    same = [ATTRIBUTE.c[name] == bindparam(f"own_{name}") for name in keys]
    over = update(ATTRIBUTE).where(*same).values(known_to=now)
    connection.execute(over, [{f"own_{name}": row[name] for name in keys} for row in rows])

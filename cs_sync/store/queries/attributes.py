"""Account attributes and their history; each row has its knowledge interval."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, select

from cs_sync.identity.past_values import (
    BEGINNING,
    History,
    ValuePeriod,
    choose_history,
    trace_values,
)
from cs_sync.metrics.mrr.plans import PlanPeriod
from cs_sync.metrics.sql.relations import is_known_at
from cs_sync.store.records.history import end_knowledge
from cs_sync.store.upserts import split_chunks, upsert_rows
from cs_sync_schemas.tables import ACCOUNT_ATTRIBUTE, PRODUCT

ATTRIBUTE = ACCOUNT_ATTRIBUTE
PLAN = "plan"
"""Follows from what is paid, until a source says it."""

PastValues = Mapping[str, Sequence[History]]
"""Attribute → what each of an account's records tells of its past."""
NO_PAST: Mapping[str, PastValues] = {}


def read_attribute_names(connection: Connection) -> set[str]:
    """Return the names of all current and past account attributes."""
    return set(connection.scalars(select(ATTRIBUTE.c.name).distinct()))


def read_current_attributes(
    connection: Connection, names: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Map account id → name → current value of these attributes."""
    values: dict[str, dict[str, str]] = {}
    query = _select_known(ATTRIBUTE.c.valid_to.is_(None), ATTRIBUTE.c.name.in_(list(names)))
    shown = query.with_only_columns(ATTRIBUTE.c.account_id, ATTRIBUTE.c.name, ATTRIBUTE.c.value)
    for account, name, value in connection.execute(shown):
        values.setdefault(account, {})[name] = value
    shared: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}  # many have the same
    return {account: shared.setdefault(tuple(own.items()), own) for account, own in values.items()}


def format_attribute(value: Any) -> str:
    """Format an attribute value for segments: `true`, `5`, `pro`.

    Equal on every database.
    """
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def save_attributes(
    connection: Connection,
    accounts: Iterable[tuple[str, Mapping[str, Any]]],
    now: datetime,
    past: Mapping[str, PastValues] = NO_PAST,
) -> None:
    """Store the current attributes of accounts, and their told past.

    Without a past, a changed value is valid from `now`, and an attribute seen for the first time
    is valid from the beginning.

    Args:
        connection: A write transaction.
        accounts: Account id and attributes (name → value); None values are ignored.
        now: The time of the sync.
        past: Account id → name → the histories of its records, those first that count.
    """
    past_values: PastValues
    ended: list[dict[str, Any]] = []
    begun: list[dict[str, Any]] = []
    given = dict(accounts)
    for chunk in split_chunks(given):
        stored = _read_stated(connection, chunk)
        for account in chunk:
            before, past_values = stored.get(account, {}), past.get(account, {})
            stated = {
                name: format_attribute(value)
                for name, value in given[account].items()
                if value is not None
            }
            for name in {**before, **stated, **past_values}:
                current, rows = stated.get(name), before.get(name, {})
                history = choose_history(past_values.get(name, ()), current)
                believed = list(rows)
                fresh = trace_values(history, current, believed, now)
                if fresh is not believed:
                    ended += [row for period, row in rows.items() if period not in fresh]
                    begun += [
                        _build_row(account, name, period, now)
                        for period in fresh
                        if period not in rows
                    ]
    if any(row["name"] == PLAN for row in begun):
        end_knowledge(connection, ATTRIBUTE, _read_derived(connection), now)
    end_knowledge(connection, ATTRIBUTE, ended, now)
    upsert_rows(connection, ATTRIBUTE, begun)


def _read_stated(
    connection: Connection, accounts: Sequence[str]
) -> dict[str, dict[str, dict[ValuePeriod, dict[str, Any]]]]:
    """Map account id → attribute → period → row.

    As known now, oldest first.

    What follows from what is paid is left out.
    """
    stored: dict[str, dict[str, dict[ValuePeriod, dict[str, Any]]]] = {}
    query = _select_known(ATTRIBUTE.c.derived.is_(False), ATTRIBUTE.c.account_id.in_(accounts))
    for row in connection.execute(query.order_by(ATTRIBUTE.c.valid_from)):
        period = ValuePeriod(row.valid_from, row.valid_to, row.value)
        periods = stored.setdefault(row.account_id, {}).setdefault(row.name, {})
        periods[period] = row._asdict()
    return stored


def has_source_plan(connection: Connection) -> bool:
    """Return whether any source delivers `plan`; then no account's plan is derived."""
    query = _select_known(ATTRIBUTE.c.name == PLAN, ATTRIBUTE.c.derived.is_(False)).limit(1)
    return connection.execute(query).first() is not None


def save_plans(
    connection: Connection, plans: Mapping[str, Sequence[PlanPeriod]], now: datetime
) -> None:
    """Store the derived attribute `plan` of these accounts, by product name.

    Args:
        connection: A write transaction.
        plans: Account id → paid products, oldest first.
        now: The time of knowledge.
    """
    names: dict[tuple[str, str], str | None] = {
        (row.source, row.source_id): row.name
        for row in connection.execute(select(PRODUCT.c.source, PRODUCT.c.source_id, PRODUCT.c.name))
    }
    fresh = [
        _build_row(
            account,
            PLAN,
            ValuePeriod(start, period.until, names.get(period.product) or period.product[1]),
            now,
            derived=True,
        )
        for account, periods in plans.items()
        for start, period in zip(
            [BEGINNING, *(period.since for period in periods[1:])], periods, strict=False
        )
    ]
    stored = [row for chunk in split_chunks(plans) for row in _read_derived(connection, chunk)]
    believed, derived = set(map(_get_content, stored)), set(map(_get_content, fresh))
    end_knowledge(
        connection, ATTRIBUTE, [row for row in stored if _get_content(row) not in derived], now
    )
    upsert_rows(connection, ATTRIBUTE, [row for row in fresh if _get_content(row) not in believed])


def _select_known(*which: ColumnElement[bool]) -> Select[Any]:
    return select(ATTRIBUTE).where(is_known_at(ATTRIBUTE, None), *which)


def _read_derived(
    connection: Connection, accounts: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    conditions = [] if accounts is None else [ATTRIBUTE.c.account_id.in_(accounts)]
    result = connection.execute(_select_known(ATTRIBUTE.c.derived.is_(True), *conditions))
    return [row._asdict() for row in result]


def _build_row(
    account: str, name: str, period: ValuePeriod, now: datetime, *, derived: bool = False
) -> dict[str, Any]:
    return {
        "account_id": account,
        "name": name,
        "valid_from": period.since,
        "known_from": now,
        "valid_to": period.until,
        "known_to": None,
        "value": period.value,
        "derived": derived,
    }


def _get_content(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("account_id", "name", "valid_from", "valid_to", "value"))

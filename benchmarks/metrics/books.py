"""Books of any size: accounts whose subscriptions change now and then over 36 months."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import SQLModel

from cs_sync.metrics.periods import Period, add_months, list_whole_periods
from cs_sync.store.engine import Store, open_store
from cs_sync_schemas import Account, AccountLink, Subscription, SubscriptionItem, get_table
from cs_sync_schemas.tables import METADATA

FIRST, MONTHS = date(2023, 1, 1), 36
PERIODS: tuple[Period, ...] = list_whole_periods(FIRST, add_months(FIRST, MONTHS), "month", "UTC")
SYNCED = datetime(2026, 1, 1, tzinfo=UTC)
TOUCHED = datetime(2026, 1, 2, tzinfo=UTC)
AT_ONCE = 5_000
PRICES = (1_200, 2_900, 4_900, 12_000)
Rows = dict[type[SQLModel], list[dict[str, Any]]]


def write_books(path: Path, accounts: int) -> None:
    """A new database with so many accounts; equal numbers give equal books."""
    store = open_store(f"sqlite:///{path}")
    try:
        with store.write() as connection:
            METADATA.create_all(connection)
        for start in range(0, accounts, AT_ONCE):
            _store(store, range(start, min(start + AT_ONCE, accounts)))
    finally:
        store.close()


def touch(store: Store, share: int) -> int:
    """Change the seats of every `share`-th account, as a later sync would; how many."""
    item = get_table(SubscriptionItem)
    changed = item.c.source_id.like(f"%{'0' * (len(str(share)) - 1)}")
    values = {"quantity": item.c.quantity, "unit_amount": Decimal(9_900), "changed_at": TOUCHED}
    with store.write() as connection:
        done = connection.execute(update(item).where(changed).values(values))
    return int(done.rowcount)


def _store(store: Store, numbers: range) -> None:
    rows: Rows = {Account: [], AccountLink: [], Subscription: [], SubscriptionItem: []}
    for number in numbers:
        for model, row in _account(number):
            rows[model].append(row)
    with store.write() as connection:
        for model, some in rows.items():
            full = [{**_template(model), **row} for row in some]
            connection.execute(insert(get_table(model)), full)


@cache
def _template(model: type[SQLModel]) -> dict[str, Any]:
    """A row with every column: defaults, and what the sync engine fills in."""
    engine = {
        "source": "bench", "first_seen_at": SYNCED, "last_seen_at": SYNCED, "changed_at": SYNCED,
        "row_hash": "", "since": SYNCED, "rule": "own", "reason": "",
    }  # fmt: skip
    content = model.model_construct(None, **engine).model_dump()
    return {column.name: content.get(column.name) for column in get_table(model).c}


def _account(number: int) -> Iterator[tuple[type[SQLModel], dict[str, Any]]]:
    """One subscription with one to four versions of its item; a third of them ends."""
    name = f"{number:07}"
    random = Random(hashlib.sha256(name.encode()).digest())
    start = random.randrange(MONTHS)
    end = start + 3 + random.randrange(60)
    yield Account, {"id": name}
    yield AccountLink, {"source_id": name, "account_id": name}
    yield (
        Subscription,
        {
            "source_id": name, "account_source_id": name, "currency": "EUR",
            "started_at": _day(start), "status": "active" if end > MONTHS else "canceled",
            "ended_at": None if end > MONTHS else _day(end),
        },
    )  # fmt: skip
    changes = sorted(
        {start, *(random.randrange(start, MONTHS) for _ in range(random.randrange(4)))}
    )
    for change in changes:
        yield (
            SubscriptionItem,
            {
                "source_id": name, "subscription_source_id": name, "valid_from": _day(change),
                "unit_amount": Decimal(random.choice(PRICES)), "product": "seats",
                "quantity": Decimal(random.randrange(1, 40)), "interval": "month",
            },
        )  # fmt: skip


def _day(month: int) -> datetime:
    """The tenth of a month, counted from the first."""
    day = add_months(FIRST, month)
    return datetime(day.year, day.month, 10, tzinfo=UTC)

"""What the integer path reads is the same on every database."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert
from sqlmodel import SQLModel

from cs_sync.jobs.mrr_exclusions import compute_mrr
from cs_sync.metrics.mrr.facts import PlainVersion
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.store.engine import Store
from cs_sync.store.queries.mrr import save_mrr
from cs_sync.store.queries.plain_billing import read_plain_versions
from cs_sync_schemas import Account, AccountLink, Subscription, SubscriptionItem, get_table
from cs_sync_schemas.times import count_microseconds as number

JAN, FEB, MAR = (datetime(2026, month, 1, 12, 30, 0, 5, tzinfo=UTC) for month in (1, 2, 3))


def add(connection: Connection, model: type[SQLModel], **fields: Any) -> None:
    engine = {
        "source": "x", "first_seen_at": JAN, "last_seen_at": JAN, "changed_at": JAN,
        "row_hash": "", "since": JAN, "rule": "own", "reason": "",
    }  # fmt: skip
    table = get_table(model)
    full = model.model_construct(None, **{**engine, **fields}).model_dump()
    connection.execute(insert(table), {column.name: full.get(column.name) for column in table.c})


def fill(store: Store) -> None:
    """Account a with two versions of an item, and b with a trial, which is not plain."""
    with store.write() as connection:
        for name in "ab":
            add(connection, Account, id=name)
            add(connection, AccountLink, source_id=name, account_id=name)
            more = {"trial_end": FEB} if name == "b" else {"ended_at": MAR, "cancel_reason": "dear"}
            add(
                connection, Subscription, source_id=name, account_source_id=name, currency="EUR",
                status="canceled" if name == "a" else "active", started_at=JAN, **more,
            )  # fmt: skip
            for start, quantity in ((JAN, "2"), (FEB, "3")):
                add(
                    connection, SubscriptionItem, source_id=f"i{name}",
                    subscription_source_id=name, valid_from=start, unit_amount=Decimal(1_000),
                    quantity=Decimal(quantity), interval="month", product="seats",
                )  # fmt: skip


def test_versions_come_as_they_are_stated(store: Store) -> None:
    fill(store)
    with store.read() as connection:
        versions = read_plain_versions(connection, ["a", "b", "c"])
    first = PlainVersion(
        "a", "x", "a", "EUR", number(JAN), number(MAR), "dear", "ia", number(JAN), None, "seats",
        None, "1000", "2", "month", 1, is_removed=0, is_plain=1,
    )  # fmt: skip
    second = first._replace(valid_from=number(FEB), quantity="3")
    read = [
        version._replace(
            unit_amount=f"{Decimal(version.unit_amount):.0f}",  # PostgreSQL adds its zeros
            quantity=f"{Decimal(version.quantity):.0f}",
        )
        for version in versions["a"]
    ]
    assert sorted(read, key=lambda version: version.valid_from) == [first, second]
    assert {version.is_plain for version in versions["b"]} == {0}
    assert versions["c"] == []


def test_what_is_stored_again_changes_nothing(store: Store) -> None:
    """Of a: 20.00 and 30.00, then churn. Of b: 30.00 from the end of its trial on."""
    fill(store)
    policy = MrrPolicy()
    saved = []
    for now in (MAR, MAR.replace(day=2)):
        with store.read() as connection:
            mrr, reasons = compute_mrr(connection, ["a", "b"], policy)
        with store.write() as connection:
            saved.append(save_mrr(connection, mrr, policy.hash, now))
    of_a = [(until, amount) for _, _, until, amount, *_ in mrr["a"].spans]
    assert of_a == [(number(FEB), 2_000), (number(MAR), 3_000)]
    assert [kind for _, _, kind, *_ in mrr["a"].movements] == ["new", "expansion", "churn"]
    assert [row[1:4] for row in mrr["b"].spans] == [(number(FEB), None, 3_000)]
    assert (reasons, saved) == ({}, [7, 0])

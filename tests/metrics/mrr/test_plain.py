"""The integer path gives what the exact path gives, or leaves the account to it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, PlainVersion, SubscriptionFact
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.plain import calculate_plain_rows, is_plain_policy
from cs_sync.metrics.mrr.policy import PRESETS, MrrPolicy
from cs_sync.metrics.mrr.rows import MrrRows, build_rows
from cs_sync.store.queries.plain_billing import _prepare_versions, read_plain_versions
from cs_sync_schemas import (
    Discount,
    InvoiceLine,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
    get_table,
)
from cs_sync_schemas.times import count_microseconds as number
from tests.metrics.conftest import Ledger
from tests.metrics.mrr.facts_of import at, discount, facts, item, sub
from tests.metrics.mrr.test_mrr_laws import POLICIES, books

MOMENTS = st.integers(0, 120).map(lambda n: at(2026, 1) + timedelta(hours=7 * n))
DAY_OR_NONE = st.builds(
    lambda zone, netting: MrrPolicy(zone=zone, switch_netting=netting),
    st.sampled_from(["UTC", "America/New_York"]),
    st.sampled_from(["day", "hour", "none"]),
)


def plain_subscription(draw: st.DrawFn, name: str) -> SubscriptionFact:
    start, end = draw(MOMENTS), draw(st.none() | MOMENTS)
    return sub(
        name,
        started_at=start,
        ended_at=end if end is None or end > start else start + timedelta(hours=3),
        status="canceled" if end else draw(st.sampled_from(["active", "past_due"])),
        currency=draw(st.sampled_from(["EUR", "EUR", "JPY"])),
        cancel_reason=draw(st.sampled_from([None, "too_expensive"])),
    )


def plain_items(draw: st.DrawFn, name: str, subscription: str) -> list[ItemFact]:
    return [
        item(
            name,
            draw(st.sampled_from([0, 100, 1_000, 3_333])),
            draw(st.integers(0, 3)),
            subscription_source_id=subscription,
            valid_from=start,
            valid_to=draw(
                st.sampled_from([None, start + timedelta(hours=draw(st.integers(1, 99)))])
            ),
            price=draw(st.sampled_from(["p", "q"])),
            product=draw(st.sampled_from(["seats", "seats", "extra", None])),
            interval=draw(st.sampled_from(["month", "month", "year", "week"])),
            interval_count=draw(st.sampled_from([1, 1, 3])),
        )
        for start in sorted(draw(st.sets(MOMENTS, min_size=1, max_size=3)))
    ]


@st.composite
def plain_books(draw: st.DrawFn) -> BillingFacts:
    rows: list[object] = []
    for n in range(draw(st.sampled_from([1, 1, 2]))):
        rows.append(plain_subscription(draw, f"s{n}"))
        for k in range(draw(st.sampled_from([1, 1, 2]))):
            rows += plain_items(draw, f"i{n}{k}", f"s{n}")
    return facts(*rows)


def read_plain(book: BillingFacts) -> list[PlainVersion] | None:
    """Store an account's facts, and read them as the integer path does."""
    ledger = Ledger()
    ledger.account("a", source="x")
    for model, rows in (
        (Subscription, book.subscriptions), (SubscriptionItem, book.items),
        (Discount, book.discounts), (InvoiceLine, book.lines),
        (SubscriptionChange, book.changes),
    ):  # fmt: skip
        ledger.add(model, *(_get_columns(model, row) for row in rows))
    with ledger.engine.connect() as connection:
        read = read_plain_versions(connection, ["a"])
    ledger.engine.dispose()
    return read.get("a")


def _get_columns(model: type[SQLModel], row: Any) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name, None) for column in get_table(model).c}
    return {name: value for name, value in values.items() if value is not None}


def calculate(book: BillingFacts, policy: MrrPolicy) -> MrrRows | None:
    versions = read_plain(book)
    return None if versions is None else calculate_plain_rows(versions, policy)


@pytest.mark.slow("computes whole books")
@given(plain_books(), DAY_OR_NONE)
@settings(max_examples=60)
def test_plain_books_have_the_same_mrr(book: BillingFacts, policy: MrrPolicy) -> None:
    plain = calculate(book, policy)
    event("plain" if plain is not None else "left to the exact path")
    assert plain in (None, build_rows(calculate_account_mrr(book, policy)))


@pytest.mark.slow("computes whole books")
@given(books(), POLICIES.filter(is_plain_policy))
@settings(max_examples=40)
def test_any_book_has_the_same_mrr(book: BillingFacts, policy: MrrPolicy) -> None:
    assert calculate(book, policy) in (None, build_rows(calculate_account_mrr(book, policy)))


def _seats(quantity: int, start: datetime, **more: object) -> ItemFact:
    return item("i", 1_000, quantity, valid_from=start, subscription_source_id="s", **more)


def test_a_subscription_that_grows_and_ends() -> None:
    """2 seats at 10.00 from January, 3 from February on, cancelled in April."""
    first = sub("s", started_at=at(2026, 1), ended_at=at(2026, 4), status="canceled",
              cancel_reason="unused")  # fmt: skip
    book = facts(first, _seats(2, at(2026, 1)), _seats(3, at(2026, 2)))
    plain = calculate(book, MrrPolicy())
    assert plain is not None
    assert [row[1:4] for row in plain.spans] == [
        (number(at(2026, 1)), number(at(2026, 2)), 2_000),
        (number(at(2026, 2)), number(at(2026, 4)), 3_000),
    ]
    assert plain.movements == [
        ("EUR", number(at(2026, 1)), "new", 2_000, "start", None),
        ("EUR", number(at(2026, 2)), "expansion", 1_000, "quantity", None),
        ("EUR", number(at(2026, 4)), "churn", 3_000, "end", "unused"),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [sub("s", trial_end=at(2026, 2)), _seats(1, at(2026, 1))],
        [sub("s", collection_paused="void"), _seats(1, at(2026, 1))],
        [sub("s", status="unpaid"), _seats(1, at(2026, 1))],
        [sub("s", status="canceled"), _seats(1, at(2026, 1))],
        [sub("s"), _seats(1, at(2026, 1), usage_type="metered")],
        [sub("s"), _seats(1, at(2026, 1), divide_by=5)],
        [sub("s"), item("i", Decimal("0.5"), valid_from=at(2026, 1), subscription_source_id="s")],
        [sub("s"), item("i", 10**13, valid_from=at(2026, 1), subscription_source_id="s")],
        [sub("s"), _seats(1, at(2026, 1), is_snapshot=True, valid_to=at(2026, 3))],
        [sub("s"), _seats(1, at(2026, 1)), discount("d", subscription_source_id="s")],
    ],
)
def test_what_is_not_plain_is_left_to_the_exact_path(rows: list[object]) -> None:
    assert calculate(facts(*rows), MrrPolicy()) is None


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {"default", "profitwell"}))
def test_policies_of_other_tools_are_left_to_it(name: str) -> None:
    assert not is_plain_policy(MrrPolicy.preset(name))


def test_an_account_without_anything_is_plain() -> None:
    assert calculate(facts(), MrrPolicy()) == ([], [])


def test_what_is_deleted_or_of_another_account_changes_nothing() -> None:
    """A discount of account b, and a deleted one of a."""
    ledger = Ledger()
    for name in "ab":
        ledger.account(name, source="x")
        ledger.add(Subscription, _get_columns(Subscription, sub(name, account_source_id=name)))
    ledger.add(Discount, {"source": "x", "source_id": "d", "subscription_source_id": "b",
                          "starts_at": at(2026, 1)})  # fmt: skip
    ledger.add(Discount, {"source": "x", "source_id": "e", "account_source_id": "a",
                          "starts_at": at(2026, 1), "deleted_at": at(2026, 2)})  # fmt: skip
    with ledger.engine.connect() as connection:
        assert list(read_plain_versions(connection, ["a", "b"])) == ["a"]
    ledger.engine.dispose()


def test_versions_are_found_by_index() -> None:
    """Without statistics, too: else every account would read all items of its source."""
    ledger = Ledger()
    with ledger.engine.connect() as connection:
        text = _prepare_versions(connection.dialect).text
        plan = [row[3] for row in connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {text}", ("x",) * text.count("?"))]  # fmt: skip
    ledger.engine.dispose()
    indexes = [step for step in plan if "INDEX ix_" in step]
    assert [step.split(" ix_")[1].split(" ")[0] for step in indexes] == [
        "account_link_account_id",
        "subscription_account_source_id",
        "subscription_item_subscription_source_id",
    ]

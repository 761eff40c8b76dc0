"""The world's own MRR against amounts worked out by hand from the catalogue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from cs_sync_sandbox.world import World, catalog
from cs_sync_sandbox.world.records import Discount, ItemVersion, Subscription
from cs_sync_sandbox.world.truth import calculate_mrr

pytestmark = pytest.mark.slow("builds a world")

START = datetime(2026, 1, 10, tzinfo=UTC)
LATER = START + timedelta(days=40)


def subscription(*items: ItemVersion, discounts: tuple[Discount, ...] = ()) -> Subscription:
    """Return an active monthly subscription with these items."""
    return Subscription(
        "sub_1", "acct_1", "active", "eur", "month", START, None, START, items, discounts,
        None, None, None, False,
    )  # fmt: skip


def item(slot: str, price: str, quantity: int | None) -> ItemVersion:
    """Return an item from the start on."""
    return ItemVersion(f"si_1{slot}", price, quantity, START, None)


def value(world: World, first: Subscription, at: datetime = LATER) -> Fraction:
    """Return the MRR of a world that has this subscription only."""
    return calculate_mrr(replace(world, subscriptions=(first,)), at).get("acct_1", Fraction())


@pytest.fixture(scope="module")
def world(whole_world: World) -> World:
    """What is said of the demo needs all of it."""
    return whole_world


def test_seats_packs_and_calls(world: World) -> None:
    """5 × 39.00 + 12 packs at 4.00 each; calls are metered and count nothing."""
    items = (
        item("plan", "price_team_month_eur", 5),
        item("contacts", "price_contacts_month_eur", 12),
        item("api", "price_api_month_eur", None),
    )
    assert value(world, subscription(*items)) == 19500 + 4800


def test_a_year_is_twelve_months(world: World) -> None:
    """3 seats at ten months' price: 3 × 790.00 ÷ 12 = 197.50."""
    assert value(world, subscription(item("plan", "price_business_year_eur", 3))) == 19750


def test_discounts_that_run_come_off_and_once_does_not(world: World) -> None:
    """10 × 19.00: 20 % off gives 152.00, 15.00 off gives 175.00, a first-invoice gift nothing."""
    plan = item("plan", "price_starter_month_eur", 10)
    expected = {"LAUNCH20": 15200, "STAY15": 17500, "WELCOME50": 19000, "TEAM25": 19000}
    for coupon, amount in expected.items():
        discount = Discount("di_1", coupon, START, None)
        assert value(world, subscription(plan, discounts=(discount,))) == amount
        over = replace(discount, end=START + timedelta(days=30))
        assert value(world, subscription(plan, discounts=(over,))) == 19000


def test_trials_and_ends_are_half_open(world: World) -> None:
    plan = item("plan", catalog.OLD_TEAM, 1)
    trial = replace(subscription(plan), trial_end=LATER, anchor=LATER)
    assert value(world, trial, LATER - timedelta(seconds=1)) == 0
    assert value(world, trial, LATER) == 2900


def test_the_book_of_all_accounts_is_that_of_a_small_company(world: World) -> None:
    book = calculate_mrr(world, world.now)
    assert 150 < len(book) < 300
    assert all(amount >= 0 for amount in book.values())

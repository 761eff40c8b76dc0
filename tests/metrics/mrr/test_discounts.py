"""What discounts leave, and when."""

from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, item, sub


def amounts(*rows: Any, **switches: Any) -> list[int]:
    return [
        s.amount for s in calculate_account_mrr(facts(sub(), *rows), MrrPolicy(**switches)).spans
    ]


def test_the_items_own_discount_comes_before_the_subscriptions() -> None:
    """100 − 20 fixed on the item, then 50 % → 40; the other order would give 30."""
    rows = [
        item(amount="10000"),
        discount("half", percent_off=Decimal(50)),
        discount("fixed", amount_off=2000, subscription_item_source_id="i"),
    ]
    assert amounts(*rows) == [4000]


def test_percentages_come_before_fixed_amounts_and_stack() -> None:
    """100 → 10 % → 90 → 20 % → 72 → less 2 → 70. Not only the largest percentage counts."""
    rows = [
        item(amount="10000"),
        discount("a", amount_off=200),
        discount("b", percent_off=Decimal(10)),
        discount("c", percent_off=Decimal(20)),
    ]
    assert amounts(*rows) == [7000]


def test_a_fallback_of_the_account_steps_back_for_the_subscriptions_own() -> None:
    """100 less 10 % for everything, less 20 % of its own until April: 80, then 90; stacked 72."""
    own = discount("own", percent_off=Decimal(20), duration="repeating", ends_at=at(2026, 4))
    account = {"subscription_source_id": None, "account_source_id": "a"}
    general = discount("all", percent_off=Decimal(10), is_fallback=True, **account)
    stacked = discount("all", percent_off=Decimal(10), **account)
    of_item = discount("item", percent_off=Decimal(50), subscription_item_source_id="i")
    assert amounts(item(amount="10000"), own, general) == [8000, 9000]
    assert amounts(item(amount="10000"), own, stacked) == [7200, 9000]
    assert amounts(item(amount="10000"), of_item, general) == [4500]


def test_a_fixed_amount_comes_off_each_invoice() -> None:
    """120 off a yearly invoice is 10 a month, off a quarterly one 40."""
    yearly = item(amount="120000", interval="year")
    assert amounts(yearly, discount(amount_off=12000)) == [9000]
    quarterly = item(amount="30000", interval_count=3)
    assert amounts(quarterly, discount(amount_off=12000)) == [6000]


def test_a_fixed_amount_never_goes_below_nought_nor_touches_other_products() -> None:
    rows = [item("i", "4900", product="plan"), item("j", "1000", product="addon")]
    only_plan = discount(amount_off=5000, products=["plan"])
    assert amounts(*rows, only_plan) == [1000]
    assert amounts(*rows, discount(amount_off=5900)) == []


def test_a_fixed_amount_of_another_currency_does_not_apply() -> None:
    assert amounts(item(), discount(amount_off=500, currency="USD")) == [1000]


def test_a_repeating_discount_ends_in_an_expansion() -> None:
    half = discount(percent_off=Decimal(50), duration="repeating", ends_at=at(2026, 4))
    assert amounts(item(), half) == [500, 1000]
    assert amounts(item(), half, repeating_discounts=False) == [1000]


def test_a_single_discount_is_left_out_unless_the_policy_wants_it() -> None:
    once = discount(percent_off=Decimal(50), duration="once")
    assert amounts(item(), once) == [1000]
    [first, then] = calculate_account_mrr(
        facts(sub(), item(), once), MrrPolicy(once_discounts=True)
    ).spans
    assert (first.amount, first.valid_to, then.amount) == (500, at(2026, 2), 1000)


def test_a_discount_of_the_account_reaches_all_its_subscriptions() -> None:
    other = [sub("t"), item("j", "3000", subscription_source_id="t")]
    tenth = discount(percent_off=Decimal(10), account_source_id="a")
    assert amounts(item(), *other, tenth) == [3600]

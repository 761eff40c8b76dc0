"""The timeline of an account: rounding, parts, switches within a day, causes."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, item, sub


def steps(*rows: Any, **switches: Any) -> list[tuple[datetime, str, int, str]]:
    actual = calculate_account_mrr(facts(*rows), MrrPolicy(**switches)).movements
    return [(m.at, m.kind, m.amount, m.cause) for m in actual]


def test_an_account_is_rounded_once_not_each_of_its_items() -> None:
    """Three items of 1.00 a year come to 8.33 each: 25 together, not 3 × 8."""
    items = [item(f"i{n}", "100", interval="year") for n in range(3)]
    [span] = calculate_account_mrr(facts(sub(), *items), MrrPolicy()).spans
    assert span.amount == 25
    assert [part.amount for part in span.parts] == [9, 8, 8]


def test_currencies_are_kept_apart() -> None:
    rows = [
        sub("s"),
        sub("t", currency="JPY"),
        item("i"),
        item("j", "500", subscription_source_id="t"),
    ]
    actual = [
        (s.currency, s.amount) for s in calculate_account_mrr(facts(*rows), MrrPolicy()).spans
    ]
    assert actual == [("EUR", 1000), ("JPY", 500)]


def test_versions_without_an_end_last_until_the_next() -> None:
    rows = [sub(), item(quantity=1), item(quantity=3, valid_from=at(2026, 2, 10))]
    assert steps(*rows) == [
        (at(2026, 1), "new", 1000, "start"),
        (at(2026, 2, 10), "expansion", 2000, "quantity"),
    ]


def test_a_switch_by_cancelling_and_subscribing_again_is_one_step() -> None:
    rows = [
        sub("s", status="canceled", ended_at=at(2026, 2, 10, 9)),
        sub("t", started_at=at(2026, 2, 10, 15)),
        item("i"),
        item("j", "1500", subscription_source_id="t", valid_from=at(2026, 2, 10, 15)),
    ]
    assert steps(*rows) == [
        (at(2026, 1), "new", 1000, "start"),
        (at(2026, 2, 10, 9), "expansion", 500, "plan"),
    ]
    assert [kind for _, kind, _, _ in steps(*rows, switch_netting="hour")] == [
        "new", "churn", "reactivation",
    ]  # fmt: skip
    assert [kind for _, kind, _, _ in steps(*rows, switch_netting="none")] == [
        "new", "churn", "reactivation",
    ]  # fmt: skip


def test_the_day_of_a_switch_is_the_reporting_zones() -> None:
    """22:30 and 23:30 UTC are 23:30 and 00:30 in Warsaw: two days there, one in London."""
    rows = [
        sub("s", status="canceled", ended_at=at(2026, 2, 10, 22, 30)),
        sub("t", started_at=at(2026, 2, 10, 23, 30)),
        item("i"),
        item("j", subscription_source_id="t", valid_from=at(2026, 2, 10, 23, 30)),
    ]
    assert len(steps(*rows, zone="Europe/London")) == 1
    assert len(steps(*rows, zone="Europe/Warsaw", switch_within_hours=0)) == 3


def test_who_comes_and_goes_on_one_day_was_never_a_customer() -> None:
    fleeting = sub(started_at=at(2026, 2, 1, 9), ended_at=at(2026, 2, 1, 17), status="canceled")
    assert calculate_account_mrr(facts(fleeting, item()), MrrPolicy()).spans == ()


def test_causes() -> None:
    later = at(2026, 2, 10)

    def cause(*rows: Any) -> str:
        return steps(sub(), *rows)[-1][3]

    basic = {"product": "basic", "price": "p1"}
    assert cause(item(**basic), item(amount="900", product="pro", valid_from=later)) == "plan"
    assert cause(item(**basic), item(amount="900", valid_from=later, **basic)) == "price"
    assert cause(item(**basic), item(quantity=2, valid_from=later, **basic)) == "quantity"
    assert cause(item(), item("addon", valid_from=later)) == "item"
    assert cause(item(), item("addon", valid_to=later)) == "item"
    assert cause(item(), discount(percent_off=Decimal(10), starts_at=later)) == "discount"
    assert cause(item(), discount(percent_off=Decimal(10), ends_at=later)) == "discount"


def test_two_versions_that_cost_the_same_are_no_movement() -> None:
    rows = [sub(), item(product="old"), item(product="new", valid_from=at(2026, 2, 10))]
    assert len(calculate_account_mrr(facts(*rows), MrrPolicy()).spans) == 2
    assert len(steps(*rows)) == 1


def test_sources_may_use_the_same_ids() -> None:
    rows = [sub(), item(), sub(source="y"), item(source="y", amount="50")]
    [span] = calculate_account_mrr(facts(*rows), MrrPolicy()).spans
    assert span.amount == 1050

"""On intervals longer than a month a discount counts as invoices took it off, period by period."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, item, line, sub

YEAR, NEXT = (at(2026, 1), at(2027, 1)), (at(2027, 1), at(2028, 1))
YEARLY: dict[str, Any] = {"interval": "year", "interval_count": 1}
HALF: dict[str, Any] = {"percent_off": Decimal(50), "duration": "repeating"}


def yearly(number: str, period: tuple[datetime, datetime], off: int, **fields: Any) -> Any:
    """A line of 1,200.00 for a year, some of it taken off by the discount `d`."""
    cuts = [{"id": "d", "amount": off}] if off else []
    given = {"discount_amount": off, "discounts": cuts, "price": "y", **YEARLY, **fields}
    return line(number, period, 120_000, 1, **given)


def spans(*rows: Any, **switches: Any) -> list[tuple[int, datetime]]:
    plan = item(amount="120000", price="y", changed_at=at(2027, 2), **YEARLY)
    actual = calculate_account_mrr(facts(sub(), plan, *rows), MrrPolicy(**switches)).spans
    return [(s.amount, s.valid_from) for s in actual]


PAID = [yearly("1", YEAR, 60_000), yearly("2", NEXT, 0)]
WHOLE_YEAR = [(5_000, at(2026, 1)), (10_000, at(2027, 1))]


def test_half_price_for_three_months_of_a_yearly_plan_is_half_price_for_its_year() -> None:
    """600.00 for twelve months are 50.00 a month, whatever the coupon says of three months."""
    half = discount(**HALF, ends_at=at(2026, 4))
    assert spans(half, *PAID) == WHOLE_YEAR


def test_it_is_the_same_when_the_source_no_longer_shows_the_discount() -> None:
    """From the terms that the invoice tells, and from the amount alone."""
    terms = {
        "id": "d", "amount": 60_000, "duration": "repeating", "months": 3, "percent_off": "50",
        "starts_at": at(2026, 1).isoformat(), "ends_at": None,
    }  # fmt: skip
    assert spans(yearly("1", YEAR, 60_000, discounts=[terms]), PAID[1]) == WHOLE_YEAR
    assert spans(*PAID) == WHOLE_YEAR
    silent = [yearly("1", YEAR, 60_000, discounts=None), yearly("2", NEXT, 0, discounts=None)]
    assert spans(*silent) == WHOLE_YEAR


def test_a_discount_of_one_invoice_stays_out_where_the_invoice_tells_that_it_is_one() -> None:
    terms = {
        "id": "d", "amount": 60_000, "duration": "once", "percent_off": "50",
        "starts_at": at(2026, 1).isoformat(),
    }  # fmt: skip
    first = yearly("1", YEAR, 60_000, discounts=[terms])
    assert spans(first, PAID[1]) == [(10_000, at(2026, 1))]
    assert spans(first, PAID[1], once_discounts=True) == WHOLE_YEAR


def test_a_discount_given_in_mid_year_counts_from_the_renewal_that_it_lowers() -> None:
    rows = [yearly("1", YEAR, 0), yearly("2", NEXT, 60_000)]
    long = discount(**HALF, starts_at=at(2026, 8), ends_at=at(2027, 8))
    assert spans(long, *rows) == [
        (10_000, at(2026, 1)), (5_000, at(2027, 1)), (10_000, at(2028, 1)),
    ]  # fmt: skip
    short = discount(**HALF, starts_at=at(2026, 8), ends_at=at(2026, 11))
    assert spans(short, yearly("1", YEAR, 0)) == [(10_000, at(2026, 1))]


def test_the_coming_renewal_is_foreseen_from_the_one_before() -> None:
    """Nothing is invoiced of 2027 yet: a discount without an end goes on, one of six months not."""
    first = yearly("1", YEAR, 60_000)
    assert spans(discount(**{**HALF, "duration": "forever"}), first) == [(5_000, at(2026, 1))]
    assert spans(discount(**HALF, ends_at=at(2026, 7)), first) == WHOLE_YEAR


def test_a_discount_that_was_taken_back_counts_until_the_first_invoice_without_it() -> None:
    """The source says it ended when we saw that it was gone, long after the renewal."""
    gone = discount(**{**HALF, "duration": "forever"}, ends_at=at(2027, 6))
    assert spans(gone, *PAID) == WHOLE_YEAR


@pytest.mark.parametrize("months", [2, 3])
def test_two_and_three_months_at_once(months: int) -> None:
    """20 % for one month on an interval of more: it counts for the interval that it lowered."""
    start, middle, end = at(2026, 1), at(2026, 1 + months), at(2026, 1 + 2 * months)
    every: dict[str, Any] = {"interval": "month", "interval_count": months, "price": "q"}
    fifth = discount(percent_off=Decimal(20), duration="repeating", ends_at=at(2026, 2))
    cut = {"discount_amount": 6_000, "discounts": [{"id": "d", "amount": 6_000}]}
    lines = [
        line("1", (start, middle), 30_000, 1, **cut, **every),
        line("2", (middle, end), 30_000, 1, discounts=[], **every),
    ]
    plan = item(amount="30000", changed_at=at(2026, 6), **every)
    actual = calculate_account_mrr(facts(sub(), plan, fifth, *lines), MrrPolicy()).spans
    assert [(s.amount, s.valid_from) for s in actual] == [
        (24_000 // months, start), (30_000 // months, middle),
    ]  # fmt: skip


def test_amounts_and_several_discounts_come_off_the_same_invoice() -> None:
    """1,200.00 less 50 % less 120.00: 480.00 a year, 40.00 a month; then 100.00."""
    cuts = [{"id": "d", "amount": 60_000}, {"id": "e", "amount": 12_000}]
    first = yearly("1", YEAR, 72_000, discounts=cuts)
    rows = [
        discount(**HALF, ends_at=at(2026, 4)),
        discount("e", amount_off=12_000, duration="repeating", ends_at=at(2026, 3)),
    ]
    assert spans(*rows, first, PAID[1]) == [(4_000, at(2026, 1)), (10_000, at(2027, 1))]


def test_an_amount_that_came_off_one_of_the_lines_runs_on() -> None:
    """The other line of the invoice was not left alone: the whole amount came off the first."""
    less = {"discount_amount": 6_000, "discounts": [{"id": "d", "amount": 6_000}]}
    bill: dict[str, Any] = {"invoice_source_id": "bill", **YEARLY}
    lines = [
        line("1", YEAR, 120_000, 1, price="y", **less, **bill),
        line("2", YEAR, 12_000, 1, price="a", subscription_item_source_id="j", discounts=[],
             **bill),
    ]  # fmt: skip
    off = discount(amount_off=6_000, starts_at=at(2025, 12, 31))
    assert spans(item("j", "12000", price="a", **YEARLY), off, *lines) == [(10_500, at(2026, 1))]


def test_an_item_that_changes_is_charged_anew_with_the_discounts_that_still_run() -> None:
    """Half price until April; in August another plan: its rest of the year has no discount."""
    change = at(2026, 8)
    old = item(amount="120000", price="y", valid_to=change, **YEARLY)
    new = item(amount="240000", price="z", valid_from=change, **YEARLY)
    half = discount(**HALF, ends_at=at(2026, 4))
    actual = calculate_account_mrr(
        facts(sub(), old, new, half, yearly("1", YEAR, 60_000)), MrrPolicy()
    ).spans
    assert [(s.amount, s.valid_from) for s in actual] == [
        (5_000, at(2026, 1)), (20_000, change),
    ]  # fmt: skip


@pytest.mark.parametrize(("charged", "monthly"), [(120_986, 20_000), (60_493, 10_000)])
def test_the_rest_of_a_year_charged_in_full_proves_that_no_discount_ran(
    charged: int, monthly: int
) -> None:
    """Half price, taken back unseen. 2,400.00 × 184/365 days are 1,209.86, or half of it."""
    change, terms = at(2026, 7), {"id": "d", "amount": 60_000, "duration": "forever"}
    terms |= {"percent_off": "50", "starts_at": at(2026, 1).isoformat()}
    old = item(amount="120000", price="y", valid_to=change, **YEARLY)
    new = item(amount="240000", price="z", valid_from=change, **YEARLY)
    rest: dict[str, Any] = {"is_proration": True, "price": "z", "discounts": [], **YEARLY}
    bills = [
        yearly("1", YEAR, 60_000, discounts=[terms]),
        line("2", (change, YEAR[1]), charged, 1, **rest),
    ]
    actual = calculate_account_mrr(facts(sub(), old, new, *bills), MrrPolicy()).spans
    assert [(s.amount, s.valid_from) for s in actual][:2] == [
        (5_000, at(2026, 1)), (monthly, change),
    ]  # fmt: skip


def test_a_price_that_came_back_was_charged_when_it_did() -> None:
    """Half price at first. Another price for a month, unbilled, and back: charged in full."""
    back, terms = at(2026, 7), {"id": "d", "amount": 60_000, "duration": "forever"}
    terms |= {"percent_off": "50", "starts_at": at(2026, 1).isoformat()}
    rest: dict[str, Any] = {"is_proration": True, "price": "y", "discounts": [], **YEARLY}
    # 1,200.00 × 184/365 days are 604.93.
    bills = [
        yearly("1", YEAR, 60_000, discounts=[terms]),
        line("2", (back, YEAR[1]), 60_493, 1, **rest),
    ]
    assert spans(*bills) == [(5_000, at(2026, 1)), (10_000, back)]


@pytest.mark.parametrize(("charged", "share"), [(90_740, 75), (60_493, 50), (45_370, 37.5)])
def test_of_two_discounts_the_one_that_a_charge_leaves_no_room_for_is_gone(
    charged: int, share: float
) -> None:
    """50 % and 25 %, either of them maybe taken back; 2,400.00 × 184/365 days are 1,209.86."""
    change = at(2026, 7)
    old = item(amount="120000", price="y", valid_to=change, **YEARLY)
    new = item(amount="240000", price="z", valid_from=change, **YEARLY)
    rest: dict[str, Any] = {"is_proration": True, "price": "z", "discounts": [], **YEARLY}
    cuts = [{"id": "d", "amount": 60_000}, {"id": "e", "amount": 15_000}]
    rows = [
        discount(**HALF, ends_at=at(2026, 9)),
        discount("e", percent_off=Decimal(25), duration="repeating", ends_at=at(2026, 10)),
        yearly("1", YEAR, 75_000, discounts=cuts),
        line("2", (change, YEAR[1]), charged, 1, **rest),
    ]
    actual = calculate_account_mrr(facts(sub(), old, new, *rows), MrrPolicy()).spans
    assert [(s.amount, s.valid_from) for s in actual][:2] == [
        (3_750, at(2026, 1)), (round(200 * share), change),
    ]  # fmt: skip


def test_free_time_puts_off_the_charge_that_ends_a_discount() -> None:
    """Half price for the first quarter; free from March to May: charged again only in May."""
    every: dict[str, Any] = {"interval": "month", "interval_count": 3, "price": "q"}
    cut = {"discount_amount": 15_000, "discounts": [{"id": "d", "amount": 15_000}]}
    lines = [
        line("1", (at(2026, 1), at(2026, 4)), 30_000, 1, **cut, **every),
        line("2", (at(2026, 3), at(2026, 5)), 0, 1, discounts=[], **every),
        line("3", (at(2026, 5), at(2026, 8)), 30_000, 1, discounts=[], **every),
    ]
    plan = item(amount="30000", changed_at=at(2026, 6), **every)
    half = discount(**HALF, ends_at=at(2026, 2))
    running = sub(trial_start=at(2026, 3), trial_end=at(2026, 5))
    actual = calculate_account_mrr(facts(running, plan, half, *lines), MrrPolicy()).spans
    assert [(s.amount, s.valid_from) for s in actual] == [
        (5_000, at(2026, 1)), (10_000, at(2026, 5)),
    ]  # fmt: skip


def test_months_of_a_coupon_that_only_a_bill_tells_run_on_through_free_time() -> None:
    """Two months from January, a line for one, free until April: nothing is charged between."""
    terms = {"id": "d", "amount": 500, "duration": "repeating", "months": 2, "percent_off": "50"}
    terms |= {"starts_at": at(2026, 1).isoformat()}
    cut = {"discount_amount": 500, "discounts": [terms], "interval": "month"}
    bills = [
        line("1", (at(2026, 1), at(2026, 2)), 1_000, 1, **cut),
        line("2", (at(2026, 1, 20), at(2026, 4)), 0, 1, discounts=[], interval="month"),
        line("3", (at(2026, 4), at(2026, 5)), 1_000, 1, discounts=[], interval="month"),
    ]
    running = sub(trial_start=at(2026, 1, 20), trial_end=at(2026, 4))
    actual = calculate_account_mrr(facts(running, item(price="p"), *bills), MrrPolicy()).spans
    assert [(s.amount, s.valid_from) for s in actual] == [(500, at(2026, 1)), (1_000, at(2026, 3))]


def test_up_to_a_month_and_without_invoices_a_discount_counts_for_its_own_time() -> None:
    """As before: nobody waits for the next invoice of a monthly plan, nor for one never shown."""
    half = discount(**HALF, starts_at=at(2026, 1, 15), ends_at=at(2026, 4, 15))
    monthly = line("1", (at(2026, 1), at(2026, 2)), 1_000, 1, interval="month", discounts=[])
    actual = calculate_account_mrr(facts(sub(), item(), half, monthly), MrrPolicy()).spans
    assert [(s.amount, s.valid_from) for s in actual] == [
        (1_000, at(2026, 1)), (500, at(2026, 1, 15)), (1_000, at(2026, 4, 15)),
    ]  # fmt: skip
    assert spans(half) == [
        (10_000, at(2026, 1)), (5_000, at(2026, 1, 15)), (10_000, at(2026, 4, 15)),
    ]  # fmt: skip


def test_the_end_of_a_discounted_year_is_an_expansion_with_the_cause_discount() -> None:
    plan = item(amount="120000", price="y", changed_at=at(2027, 2), **YEARLY)
    actual = calculate_account_mrr(facts(sub(), plan, discount(**HALF, ends_at=at(2026, 4)), *PAID),
                        MrrPolicy())  # fmt: skip
    last = actual.movements[-1]
    assert (last.kind, last.amount, last.cause, last.at) == (
        "expansion", 5_000, "discount", at(2027, 1),
    )  # fmt: skip

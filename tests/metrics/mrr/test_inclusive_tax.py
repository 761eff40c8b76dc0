"""Tax inside a price that only invoice lines tell."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.mrr.facts import LineFact
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, item, line, sub

VAT, LOWER = 1900, 1600
PRICE: dict[str, Any] = {"price": "p", "amount": "11900"}


def month(number: int, tax: int | None, amount: int = 11900, **fields: Any) -> LineFact:
    period = (at(2026, number), at(2026, number + 1))
    return line(
        f"l{number}{fields.get('price', '')}", period, amount, 1, inclusive_tax_amount=tax, **fields
    )


def spans(*rows: Any, **switches: Any) -> list[tuple[datetime, datetime | None, int]]:
    result = calculate_account_mrr(facts(*rows), MrrPolicy(**switches))
    return [(span.valid_from, span.valid_to, span.amount) for span in result.spans]


def test_tax_that_only_a_line_tells_is_removed() -> None:
    rows = (sub(), item(**PRICE), month(1, VAT), month(2, VAT))
    assert spans(*rows) == [(at(2026, 1), None, 10000)]
    assert spans(*rows, inclusive_tax="kept") == [(at(2026, 1), None, 11900)]


def test_a_line_reaches_back_and_forward() -> None:
    assert spans(sub(), item(**PRICE), month(3, VAT)) == [(at(2026, 1), None, 10000)]


def test_a_new_rate_of_tax_counts_from_its_first_invoice_on() -> None:
    """116.00 of 119.00 EUR contain 16 %: 11900 ÷ 1.16 = 10258.6."""
    rows = (sub(), item(**PRICE), month(1, VAT), month(2, 1641), month(3, 1641))
    assert spans(*rows) == [(at(2026, 1), at(2026, 2), 10000), (at(2026, 2), None, 10259)]
    moved = calculate_account_mrr(facts(*rows), MrrPolicy()).movements[-1]
    assert (moved.kind, moved.amount, moved.cause) == ("expansion", 259, "price")


def test_an_exempt_customer_keeps_the_whole_price() -> None:
    """Reverse charge: the price stays, and none of it is tax."""
    rows = (sub(), item(**PRICE), month(1, VAT), month(2, 0), month(3, 0))
    assert spans(*rows) == [(at(2026, 1), at(2026, 2), 10000), (at(2026, 2), None, 11900)]


def test_a_line_that_does_not_know_its_tax_changes_nothing() -> None:
    rows = (sub(), item(**PRICE), month(1, VAT), month(2, None), month(3, VAT))
    assert spans(*rows) == [(at(2026, 1), None, 10000)]


def test_a_discount_comes_off_before_the_tax() -> None:
    """20.00 EUR off 119.00 leaves 99.00, of which 15.81 are tax."""
    off = discount(amount_off=2000)
    rows = (sub(), item(**PRICE), off, month(1, 1581, discount_amount=2000))
    assert spans(*rows) == [(at(2026, 1), None, 8319)]
    stated = item(**PRICE, inclusive_tax_percent=Decimal(19))
    assert spans(sub(), stated, off) == [(at(2026, 1), None, 8319)]


def test_a_free_month_tells_nothing_of_tax() -> None:
    free = month(2, 0, discount_amount=11900)
    assert spans(sub(), item(**PRICE), month(1, VAT), free) == [(at(2026, 1), None, 10000)]


def test_a_price_that_was_not_invoiced_yet_contains_what_its_subscription_does() -> None:
    dearer = item("j", price="q", amount="23800", valid_from=at(2026, 2, 15))
    rows = (sub(), item(**PRICE, valid_to=at(2026, 2, 15)), dearer, month(1, VAT), month(2, VAT))
    assert spans(*rows) == [
        (at(2026, 1), at(2026, 2, 15), 10000),
        (at(2026, 2, 15), None, 20000),
    ]


def test_prices_with_and_without_tax_stand_side_by_side() -> None:
    plain = item("j", price="q", amount="5000")
    line_of_it = month(1, 0, 5000, subscription_item_source_id="j", price="q")
    rows = (sub(), item(**PRICE), plain, month(1, VAT), line_of_it)
    assert spans(*rows) == [(at(2026, 1), None, 15000)]


def test_a_stated_rate_does_not_rewrite_what_was_invoiced_without_it() -> None:
    taxed = item(**PRICE, inclusive_tax_percent=Decimal(19))
    rows = (sub(), taxed, month(1, 0), month(2, 0))
    assert spans(*rows) == [(at(2026, 1), at(2026, 3), 11900), (at(2026, 3), None, 10000)]
    assert spans(sub(), taxed, month(1, VAT)) == [(at(2026, 1), None, 10000)]
    assert spans(sub(), taxed) == [(at(2026, 1), None, 10000)]


@pytest.mark.parametrize("interval", ["month", "year"])
@given(
    amount=st.integers(100, 10**7),
    permille=st.integers(0, 300),
    off=st.integers(0, 90),
)
def test_mrr_is_what_the_invoice_leaves_without_its_tax(
    interval: str, amount: int, permille: int, off: int
) -> None:
    cut = amount * off // 100
    percent = Decimal(permille) / 10
    tax = round((amount - cut) * percent / (100 + percent))
    invoiced = month(1, tax, amount, discount_amount=cut, interval=interval)
    lowered = [discount(amount_off=cut)] if cut else []
    priced = item(price="p", amount=amount, interval=interval)
    [span] = calculate_account_mrr(facts(sub(), priced, invoiced, *lowered), MrrPolicy()).spans
    assert abs(span.amount * (12 if interval == "year" else 1) - (amount - cut - tax)) <= 7

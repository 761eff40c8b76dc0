"""Who leaves and who grows, as probabilities, by hand."""

from datetime import date
from fractions import Fraction

import pytest

from cs_sync.metrics.fx import ExchangeRates, build_conversion
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
MIDDLE = date(2026, 6, 15)
LONG_AGO, LAST_YEAR, SPRING = date(2023, 1, 1), date(2025, 9, 1), date(2026, 4, 1)


def test_the_hazard_is_highest_where_customers_are_young(ledger: Ledger) -> None:
    """Of four since April two leave, of three since September one, of the oldest nobody; who
    joined in June was not there at its start."""
    joined = [SPRING] * 4 + [LAST_YEAR] * 3 + [LONG_AGO] * 2 + [date(2026, 6, 3)]
    for number, since in enumerate(joined):
        ledger.account(f"a{number}")
        ledger.span(f"a{number}", 100, since, MIDDLE if number in (0, 1, 4) else None)
    rows = {row.segment["tenure"]: row for row in ledger.kpis("churn_hazard", Scope((JUNE,)))}
    assert {name: (row.numerator, row.denominator) for name, row in rows.items()} == {
        "00-03 months": (2, 4),
        "03-12 months": (1, 3),
        "24+ months": (0, 2),
    }
    (whole,) = ledger.kpis("customer_churn_rate", Scope((JUNE,)))
    assert whole.numerator == sum(row.numerator or 0 for row in rows.values())
    assert whole.denominator == sum(row.denominator or 0 for row in rows.values())


def test_a_gap_does_not_make_a_customer_young(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, LONG_AGO, date(2024, 1, 1))
    ledger.span("a", 100, SPRING)
    (row,) = ledger.kpis("churn_hazard", Scope((JUNE,)))
    assert row.segment["tenure"] == "24+ months"


@pytest.mark.parametrize(("after", "grew"), [(150, 1), (100, 0), (60, 0), (None, 0)])
def test_growing_is_paying_more_at_the_end(ledger: Ledger, after: int | None, grew: int) -> None:
    for name in "ab":
        ledger.account(name)
    ledger.span("a", 100, SPRING, MIDDLE)
    if after:
        ledger.span("a", after, MIDDLE)
    ledger.span("b", 100, SPRING)
    (row,) = ledger.kpis("expanding_customers_rate", Scope((JUNE,)))
    assert (row.numerator, row.denominator, row.value) == (grew, 2, grew / 2)


def test_somebody_new_has_not_grown(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, date(2026, 6, 2))
    (row,) = ledger.kpis("expanding_customers_rate", Scope((JUNE,)))
    assert (row.value, row.denominator) == (None, 0)


def test_two_currencies_are_added_up_where_there_is_a_rate(ledger: Ledger) -> None:
    """+10 EUR and −50 USD: grown in one of them, but less in sum where a dollar is a euro."""
    ledger.account("a")
    for currency, before, after in (("EUR", 100, 110), ("USD", 100, 50)):
        ledger.span("a", before, SPRING, MIDDLE, currency)
        ledger.span("a", after, MIDDLE, None, currency)
    rates = ExchangeRates([(date(2026, 1, 1), "EUR", "USD", Fraction(1))])
    since = dict.fromkeys(("EUR", "USD"), utc(2026, 1, 1))
    summed = build_conversion(rates, "EUR", (JUNE,), since, openings=False)
    for known, grew in ((None, 1), (summed, 0)):
        (row,) = ledger.kpis("expanding_customers_rate", Scope((JUNE,), conversion=known))
        assert (row.numerator, row.denominator) == (grew, 1)

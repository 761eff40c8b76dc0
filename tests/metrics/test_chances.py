"""Who leaves and who grows, as probabilities, by hand."""

from datetime import date

import pytest

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import period_of
from tests.metrics.conftest import Ledger

JUNE = period_of(date(2026, 6, 1), "month", "UTC")
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

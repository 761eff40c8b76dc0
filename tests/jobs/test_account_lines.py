"""Points of the report's accounts as they are kept: read back as they were, and resolved by all."""

from datetime import date
from fractions import Fraction

import pytest

from cs_sync.metrics.fx import ExchangeRates
from cs_sync.queries.account_lines import DatedPoint, PointReader, find_billed, write_points
from cs_sync.queries.past_states import PastState
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.report import HistoryPoint

DAY = date(2026, 11, 20)
MONEY = MoneyConverter(ExchangeRates([(DAY, "USD", "EUR", Fraction(1, 2))]), DAY, "EUR")
RED = PastState(
    31.5, "red", {"usage": 57.0}, is_billed=True, is_running=True, paid={"EUR": 100, "USD": 50}
)
UNKNOWN = PastState(40.0, "yellow", {"usage": 9.0})
"""An account of which billing knew nothing."""
NOW = HistoryPoint(300, True, 90.0, "green", None, {"usage": 0.0})


def read(*states: PastState) -> list[DatedPoint]:
    return PointReader().read_all(write_points(states, NOW, MONEY))


def test_points_are_read_as_they_were() -> None:
    """100 EUR and 50 USD at a half are 125 EUR; equal neighbours are written once."""
    past = HistoryPoint(125, True, 31.5, "red", "red", {"usage": 57.0})
    points = read(RED, RED, UNKNOWN)
    assert [day.point for day in points] == [
        past, past, HistoryPoint(0, False, 40.0, "yellow", None, {"usage": 9.0}), NOW,
    ]  # fmt: skip
    assert write_points([RED, RED], NOW, MONEY)[1] == ""


@pytest.mark.parametrize(
    ("state", "billed", "shown"),
    [(UNKNOWN, True, False), (UNKNOWN, False, True), (RED, True, True)],
)
def test_where_billing_knew_anybody_others_were_no_customers(
    state: PastState, billed: bool, shown: bool
) -> None:
    (point, _) = read(state)
    assert (point.resolve(billed=billed) != HistoryPoint()) is shown


def test_billing_of_a_day_is_known_by_one_account() -> None:
    assert find_billed([read(UNKNOWN, UNKNOWN)[:-1], read(UNKNOWN, RED)[:-1]]) == [False, True]
    assert find_billed([]) == []

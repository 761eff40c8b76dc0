"""Periods of the reporting zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.periods import (
    GRAINS,
    Grain,
    add_interval,
    add_months,
    find_last_whole_period,
    find_period,
    list_whole_periods,
)
from tests.metrics.conftest import utc

ZONES = ["UTC", "Europe/Warsaw", "America/Sao_Paulo", "Asia/Kathmandu", "Africa/Cairo"]


@pytest.mark.parametrize(
    ("grain", "start", "end"),
    [
        ("day", date(2026, 11, 20), date(2026, 11, 21)),
        ("week", date(2026, 11, 9), date(2026, 11, 16)),  # Monday to Monday
        ("month", date(2026, 10, 1), date(2026, 11, 1)),
        ("quarter", date(2026, 7, 1), date(2026, 10, 1)),
        ("year", date(2025, 1, 1), date(2026, 1, 1)),
    ],
)
def test_the_last_whole_period_on_a_saturday_in_november(
    grain: Grain, start: date, end: date
) -> None:
    period = find_last_whole_period(date(2026, 11, 21), grain, "UTC")
    assert (period.start, period.end) == (start, end)


def test_a_month_is_over_on_the_first_of_the_next() -> None:
    assert find_last_whole_period(date(2026, 10, 31), "month", "UTC").end == date(2026, 10, 1)
    assert find_last_whole_period(date(2026, 11, 1), "month", "UTC").end == date(2026, 11, 1)


def test_whole_periods_leave_out_what_is_cut_off() -> None:
    actual = list_whole_periods(date(2026, 1, 15), date(2026, 4, 30), "month", "UTC")
    assert [p.start.month for p in actual] == [2, 3]
    assert list_whole_periods(date(2026, 1, 2), date(2026, 1, 20), "month", "UTC") == ()


def test_instants_follow_the_clock_changes_of_the_zone() -> None:
    """Warsaw's March 2026 begins at UTC+1 and ends at UTC+2: an hour short."""
    march = find_period(date(2026, 3, 5), "month", "Europe/Warsaw")
    assert march.starts_at == utc(2026, 2, 28, 23)
    assert march.ends_at == utc(2026, 3, 31, 22)
    day = find_period(date(2026, 3, 29), "day", "Europe/Warsaw")
    assert day.ends_at - day.starts_at == timedelta(hours=23)


def test_a_day_whose_midnight_does_not_exist_begins_when_clocks_jump() -> None:
    """On 24 April 2026 clocks in Cairo go from 00:00 to 01:00."""
    day = find_period(date(2026, 4, 24), "day", "Africa/Cairo")
    assert day.starts_at == utc(2026, 4, 23, 22)
    assert day.ends_at - day.starts_at == timedelta(hours=23)


@given(
    st.dates(date(2000, 1, 1), date(2035, 1, 1)), st.sampled_from(GRAINS), st.sampled_from(ZONES)
)
def test_periods_follow_one_another_without_gap(day: date, grain: Grain, zone: str) -> None:
    period = find_period(day, grain, zone)
    following = find_period(period.end, grain, zone)
    assert period.start <= day < period.end
    assert following.start == period.end
    assert following.starts_at == period.ends_at > period.starts_at
    assert find_last_whole_period(period.end, grain, zone) == period


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (0, date(2026, 1, 31)),
        (1, date(2026, 2, 28)),
        (12, date(2027, 1, 31)),
        (-11, date(2025, 2, 28)),
    ],
)
def test_adding_months_stays_in_the_month(months: int, expected: date) -> None:
    assert add_months(date(2026, 1, 31), months) == expected


def test_billing_intervals() -> None:
    start = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    assert add_interval(start, "month", 1) == utc(2026, 2, 28, 8, 30)
    assert add_interval(start, "week", 2) == utc(2026, 2, 14, 8, 30)
    assert add_interval(start, "year", 1) == utc(2027, 1, 31, 8, 30)
    with pytest.raises(ValueError, match="unknown interval 'fortnight'"):
        add_interval(start, "fortnight", 1)

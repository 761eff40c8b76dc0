"""Due times that move to the next working time, by the calendar of November 2025."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cs_sync.follow_ups import WorkingTime

WEEK = ["mon", "tue", "wed", "thu", "fri"]
OFFICE = WorkingTime.model_validate(
    {"workdays": WEEK, "business_hours": ["09:00", "17:00"], "holidays": ["2025-11-24"]}
)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_at", "expected"),
    [
        (utc(21, 12), utc(21, 12)),  # a Friday noon
        (utc(21, 8), utc(21, 8)),  # 09:00 in Warsaw
        (utc(21, 6), utc(21, 8)),  # before hours
        (utc(20, 17), utc(21, 8)),  # after hours: the next morning
        (utc(21, 17), utc(25, 8)),  # after hours before a weekend and a holiday
        (utc(22, 12), utc(25, 8)),  # a Saturday
        (utc(24, 12), utc(25, 8)),  # the holiday
    ],
)
def test_the_next_working_time(given_at: datetime, expected: datetime) -> None:
    assert OFFICE.next(given_at, "Europe/Warsaw") == expected


def test_without_settings_monday_to_friday_are_working_days_at_any_hour() -> None:
    assert WorkingTime().next(utc(21, 3), "Europe/Warsaw") == utc(21, 3)
    assert WorkingTime().next(utc(22, 3), "Europe/Warsaw") == utc(24, 3)
    assert WorkingTime().next(utc(23, 22), "Europe/Warsaw") == utc(24, 22)


def test_a_working_day_ends_at_its_hour_else_at_five() -> None:
    assert OFFICE.end_day(utc(21, 3), "Europe/Warsaw") == utc(21, 16)
    assert WorkingTime().end_day(utc(21, 23), "Europe/Warsaw") == utc(22, 16)


def test_the_hour_stays_the_same_when_clocks_change() -> None:
    """26 October 2025: Warsaw goes from UTC+2 to UTC+1."""
    friday = datetime(2025, 10, 24, 16, tzinfo=UTC)
    assert OFFICE.next(friday, "Europe/Warsaw") == datetime(2025, 10, 27, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"business_hours": ["17:00", "09:00"]}, "business_hours must end after they begin"),
        ({"workdays": ["monday"]}, "'mon'"),
        ({"workdays": []}, "at least 1"),
    ],
)
def test_mistakes(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WorkingTime.model_validate(wrong)


@given(st.integers(0, 700 * 24 * 60), st.sets(st.sampled_from(WEEK)))
def test_it_never_moves_back_and_moves_once(minutes: int, days: set[str]) -> None:
    calendar = WorkingTime.model_validate(
        {"workdays": sorted(days or {"wed"}), "business_hours": ["08:30", "12:00"]}
    )
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    moved = calendar.next(at, "Europe/Warsaw")
    assert at <= moved <= at + timedelta(days=9)
    assert calendar.next(moved, "Europe/Warsaw") == moved


def test_a_calendar_without_a_working_day_still_ends() -> None:
    year = [date(2025, 11, 1) + timedelta(days=n) for n in range(500)]
    assert WorkingTime(holidays=frozenset(year)).next(utc(22, 3), "UTC") == utc(23, 3)

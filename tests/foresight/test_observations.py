"""Horizons, their outcomes and the cut between learning and judging."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cs_sync.foresight.observations import (
    History,
    classify_outcome,
    find_main_currency,
    list_known_cutoffs,
    list_windows,
)

FIRST_READ = datetime(2026, 3, 10, 8, tzinfo=UTC)


def make_history(ends_at: datetime) -> History:
    return History(date(2025, 11, 15), ends_at, FIRST_READ)


def test_a_horizon_ends_with_the_history_or_is_left_out() -> None:
    """14 + 30 days after 30 November end on 14 January, a second later than the history."""
    spans = timedelta(days=14), timedelta(days=30)
    end = datetime(2026, 1, 14, tzinfo=UTC)
    (window,) = list_windows(make_history(end), "UTC", *spans)
    assert window.cutoff == date(2025, 11, 30)
    assert window.until == datetime(2025, 12, 1, tzinfo=UTC)
    assert window.opens_at == datetime(2025, 12, 15, tzinfo=UTC)
    assert window.closes_at == end
    assert list_windows(make_history(end - timedelta(seconds=1)), "UTC", *spans) == []


def test_month_ends_are_those_of_the_zone() -> None:
    end = datetime(2026, 1, 31, tzinfo=UTC)
    windows = list_windows(make_history(end), "Europe/Warsaw", timedelta(), timedelta(days=30))
    assert [window.until.hour for window in windows] == [23, 23]
    assert [window.cutoff for window in windows] == [date(2025, 11, 30), date(2025, 12, 31)]


def test_what_came_before_the_first_read_is_known_as_of_then() -> None:
    history = make_history(FIRST_READ)
    assert history.find_knowledge_time(datetime(2025, 12, 1, tzinfo=UTC)) == FIRST_READ
    later = datetime(2026, 4, 1, tzinfo=UTC)
    assert history.find_knowledge_time(later) == later


def test_no_horizon_lies_on_both_sides_of_the_cut() -> None:
    """104 days after 31 January is 15 May: known at the end of May, not at that of April."""
    cutoffs = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
    assert list_known_cutoffs(cutoffs, date(2026, 4, 30), 104) == []
    assert list_known_cutoffs(cutoffs, date(2026, 5, 31), 104) == [date(2026, 1, 31)]
    assert list_known_cutoffs(cutoffs, date(2026, 1, 31) + timedelta(days=104), 104) == cutoffs[:1]


@pytest.mark.parametrize(
    ("causes", "before", "after", "outcome"),
    [
        ([], {"EUR": 100}, {"EUR": 100}, "stayed"),
        ([], {"EUR": 100}, {"EUR": 60}, "contracted"),
        ([], {"EUR": 100}, {"EUR": 160}, "expanded"),
        ([], {"EUR": 100}, {"EUR": 100, "USD": 5}, "expanded"),
        ([], {"EUR": 100}, {"USD": 100}, "stayed"),
        (["voluntary"], {"EUR": 100}, {}, "voluntary"),
        (["unknown"], {"EUR": 100}, {}, "voluntary"),
        (["involuntary", "voluntary"], {"EUR": 100}, {}, "involuntary"),
        (["competitor"], {"EUR": 100}, {"EUR": 100}, "voluntary"),
        ([], {"EUR": 100}, {}, None),
        ([], {}, {"EUR": 100}, None),
    ],
)
def test_outcomes(
    causes: list[str], before: dict[str, int], after: dict[str, int], outcome: str | None
) -> None:
    assert classify_outcome(causes, before, after) == outcome


def test_the_main_currency_is_the_largest_amount() -> None:
    assert find_main_currency({"EUR": 5, "USD": 9}) == "USD"
    assert find_main_currency({"USD": 5, "EUR": 5}) == "EUR"

"""Sessions, time, frequency and growth of use, by hand."""

from datetime import date
from typing import Any

import pytest

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import UsageDay
from tests.metrics.conftest import Ledger

FEBRUARY = find_period(date(2026, 2, 1), "month", "UTC")
WEEK = find_period(date(2026, 2, 2), "week", "UTC")


def used(
    ledger: Ledger, who: str, day: int, account: str = "a", month: int = 2, **fields: Any
) -> None:
    ledger.add(
        UsageDay,
        {
            "source_id": f"{who}-{day}", "contact_source_id": who, "account_source_id": account,
            "day": date(2026, month, day), "events": 1, **fields,
        },
    )  # fmt: skip


def value(ledger: Ledger, metric: str, scope: Scope = Scope((FEBRUARY,))) -> Any:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row.value


@pytest.fixture
def worked(ledger: Ledger) -> Ledger:
    """Ann: 2 sessions of 600 s together, then one without length; Bob: 4 sessions of 1 000 s."""
    ledger.account("a")
    ledger.account("b")
    used(ledger, "ann", 2, sessions=2, seconds=600)
    used(ledger, "ann", 3, sessions=1, seconds=0)
    used(ledger, "bob", 3, "b", sessions=4, seconds=1000)
    used(ledger, "cleo", 4, "b")
    return ledger


def test_sessions_per_day_are_per_account(worked: Ledger) -> None:
    [row] = worked.kpis("sessions_per_day", Scope((FEBRUARY,)))
    assert (row.value, row.numerator, row.denominator, row.n) == (0.125, 7, 56, 2)
    assert value(worked, "sessions_per_day", Scope((WEEK,))) == 0.5
    assert value(worked, "sessions") == 7


def test_length_of_sessions_with_and_without_those_of_a_single_event(worked: Ledger) -> None:
    assert value(worked, "session_seconds") == pytest.approx(1600 / 7)
    assert value(worked, "session_seconds_timed") == pytest.approx(1600 / 6)
    assert value(worked, "session_seconds_median") == 250  # of 300, 0 and 250
    assert value(worked, "usage_seconds") == 800  # Ann 600, Bob 1,000; Cleo is not known


def test_frequency_is_days_per_person_in_the_period(worked: Ledger) -> None:
    [row] = worked.kpis("usage_frequency", Scope((FEBRUARY,)))
    assert (row.value, row.numerator, row.denominator, row.n) == (4 / 3, 4, 3, 3)


def test_stickiness_counts_people_by_their_days(worked: Ledger) -> None:
    rows = worked.kpis("stickiness", Scope((FEBRUARY,)))
    assert {row.segment["days"]: row.value for row in rows} == {"1": 2, "2": 1}


def test_growth_is_against_the_window_before(ledger: Ledger) -> None:
    used(ledger, "ann", 10, month=1, events=40)
    used(ledger, "ann", 20, events=50)
    assert value(ledger, "usage_growth") == 0.25
    march = find_period(date(2026, 3, 1), "month", "UTC")
    assert value(ledger, "usage_growth", Scope((march,))) == -1


def test_nobody_left_is_nought_and_never_seen_is_unknown(ledger: Ledger) -> None:
    used(ledger, "ann", 2)
    later = find_period(date(2026, 6, 1), "month", "UTC")
    earlier = find_period(date(2026, 1, 1), "month", "UTC")
    for metric in ("dau", "wau", "mau"):
        assert value(ledger, metric, Scope((later,))) == 0
        assert value(ledger, metric, Scope((earlier,))) is None
    assert value(ledger, "dau_mau", Scope((later,))) is None

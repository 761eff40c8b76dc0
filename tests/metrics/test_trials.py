"""From trial and free plan to paying, and how a segment compares with the whole."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import MrrMovement, OnboardingStep, Referral, Subscription
from tests.metrics.conftest import Ledger, utc

MAY = find_period(date(2026, 5, 1), "month", "UTC")
JUNE = find_period(date(2026, 6, 1), "month", "UTC")


def trial(
    ledger: Ledger, name: str, begun: date, ended: date, paid: date | None, **fields: Any
) -> None:
    ledger.account(name, **fields)
    ledger.add(
        Subscription,
        {
            "source_id": name, "account_source_id": name, "currency": "EUR",
            "started_at": utc(*begun.timetuple()[:3]), "trial_start": utc(*begun.timetuple()[:3]),
            "trial_end": utc(*ended.timetuple()[:3]),
        },
    )  # fmt: skip
    if paid:
        moved(ledger, name, paid)


def moved(ledger: Ledger, name: str, day: date, kind: str = "new", cause: str = "start") -> None:
    """The account moved; 1.00 more or less."""
    ledger.add(
        MrrMovement,
        {
            "account_id": name, "policy": MrrPolicy().hash, "currency": "EUR", "kind": kind,
            "at": utc(*day.timetuple()[:3]), "amount": 100, "cause": cause,
        },
    )  # fmt: skip


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((MAY,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


@pytest.fixture
def trials(ledger: Ledger) -> Ledger:
    """Four trials begin in May: one pays in May, one in June, one after 60 days, one never. Of
    two that began in April one ended and paid in May, one ended in May unpaid."""
    trial(ledger, "may", date(2026, 5, 1), date(2026, 5, 15), date(2026, 5, 15))
    trial(ledger, "june", date(2026, 5, 20), date(2026, 6, 3), date(2026, 6, 3))
    trial(ledger, "late", date(2026, 5, 5), date(2026, 5, 19), date(2026, 7, 4))
    trial(ledger, "never", date(2026, 5, 9), date(2026, 5, 23), None)
    trial(ledger, "april", date(2026, 4, 20), date(2026, 5, 4), date(2026, 5, 4))
    trial(ledger, "gone", date(2026, 4, 21), date(2026, 5, 5), None)
    return ledger


def test_three_forms_of_trial_conversion(trials: Ledger) -> None:
    within = only_row(trials, "trial_conversion_rate")
    assert (within.value, within.numerator, within.denominator, within.n) == (0.5, 2, 4, 4)
    assert only_row(trials, "trial_conversion_rate_to_date").value == 0.75
    ended = only_row(trials, "trial_conversion_rate_ended")
    assert (ended.numerator, ended.denominator) == (2, 5)
    window = only_row(trials, "trial_conversion_rate_same_window")
    assert (window.numerator, window.denominator) == (2, 4)
    assert only_row(trials, "trial_conversion_rate_same_window", Scope((JUNE,))).value is None


def test_the_cohort_is_provisional_until_its_window_is_over(trials: Ledger) -> None:
    for n in range(3):
        trial(trials, f"more{n}", date(2026, 5, 9), date(2026, 5, 23), None)
    row = only_row(trials, "trial_conversion_rate", Scope((MAY,), observed_until=utc(2026, 6, 20)))
    assert row.status == "provisional"
    row = only_row(trials, "trial_conversion_rate", Scope((MAY,), observed_until=utc(2026, 7, 1)))
    assert row.status == "final"


FORMS = ("trial_conversion_rate", "trial_conversion_rate_to_date", "trial_conversion_rate_ended",
         "trial_conversion_rate_same_window")  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("kind", "cause", "converts"),
    [
        ("reactivation", "start", 1),
        ("expansion", "start", 1),
        ("expansion", "plan", 1),
        ("expansion", "quantity", 0),
        ("contraction", "item", 0),
        ("churn", "end", 0),
    ],
)
def test_who_was_a_customer_before_converts_by_what_it_begins_to_pay_for(
    ledger: Ledger, form: str, kind: str, cause: str, converts: int
) -> None:
    """A win-back counts in all four forms; a dropped trial beside a contraction in none."""
    trial(ledger, "a", date(2026, 5, 1), date(2026, 5, 15), date(2025, 1, 1))
    moved(ledger, "a", date(2026, 5, 15), kind, cause)
    row = only_row(ledger, form)
    assert (row.numerator, row.denominator) == (converts, 1)


def test_a_trial_that_is_cancelled_early_ends_when_it_was(ledger: Ledger) -> None:
    trial(ledger, "a", date(2026, 5, 20), date(2026, 6, 3), None)
    gone = {"status": "canceled", "ended_at": utc(2026, 5, 22)}
    begun = {"trial_start": utc(2026, 5, 20), "started_at": utc(2026, 5, 20)}
    ledger.account("b")
    ledger.add(
        Subscription,
        {
            "source_id": "b", "account_source_id": "b", "currency": "EUR",
            "trial_end": utc(2026, 6, 3), **begun, **gone,
        },
    )  # fmt: skip
    assert only_row(ledger, "trial_conversion_rate_ended").denominator == 1
    assert only_row(ledger, "trial_conversion_rate_ended", Scope((JUNE,))).denominator == 1


@pytest.mark.parametrize(("minutes", "converts"), [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("zone", "begun", "paid"),
    [
        ("Europe/Warsaw", utc(2026, 3, 10, 9), utc(2026, 4, 9, 8)),  # 719 hours
        ("Europe/Warsaw", utc(2026, 10, 10, 8), utc(2026, 11, 9, 9)),  # 721 hours
        ("America/New_York", utc(2026, 10, 20, 14), utc(2026, 11, 19, 15)),
        ("UTC", utc(2026, 3, 10, 9), utc(2026, 4, 9, 9)),
    ],
)
def test_thirty_days_are_days_of_the_zone(
    ledger: Ledger, zone: str, begun: datetime, paid: datetime, minutes: int, converts: int
) -> None:
    ledger.account("a")
    row = {"source_id": "a", "account_source_id": "a", "currency": "EUR", "started_at": begun}
    ledger.add(Subscription, {**row, "trial_end": begun + timedelta(days=14)})
    policy = MrrPolicy(zone=zone)
    at = paid + timedelta(minutes=minutes)
    ledger.add(
        MrrMovement,
        {
            "account_id": "a", "policy": policy.hash, "currency": "EUR", "kind": "new",
            "at": at, "amount": 100, "cause": "start",
        },
    )  # fmt: skip
    month = find_period(begun.date(), "month", zone)
    assert only_row(ledger, "trial_conversion_rate", Scope((month,), policy)).numerator == converts


def test_agencies_convert_better_than_the_whole(ledger: Ledger) -> None:
    """15 % of all, 25 % of agencies."""
    for n in range(60):
        kind = "agency" if n < 20 else "shop"
        paid = n < 5 or 20 <= n < 24
        trial(
            ledger, f"a{n}", date(2026, 5, 2), date(2026, 5, 16),
            date(2026, 5, 16) if paid else None, attributes={"kind": kind},
        )  # fmt: skip
    assert only_row(ledger, "trial_conversion_rate").value == 0.15
    rows = ledger.kpis("trial_conversion_lift", Scope((MAY,), by=("kind",)))
    lifts = {row.segment["kind"]: row for row in rows}
    assert lifts["agency"].value == pytest.approx(0.25 / 0.15)
    assert (lifts["agency"].numerator, lifts["agency"].n) == (0.25, 20)
    assert lifts["shop"].value == pytest.approx(0.10 / 0.15)
    assert only_row(ledger, "trial_conversion_lift").value == 1


def test_traits_that_advocates_share(ledger: Ledger) -> None:
    for n in range(10):
        ledger.account(f"a{n}", attributes={"uses": "reports" if n < 4 else "boards"})
        ledger.span(f"a{n}", 100, date(2026, 1, 1))
    for n in (0, 1, 2, 9):
        ledger.add(
            Referral,
            {"source_id": f"{n}", "account_source_id": f"a{n}", "referred_at": utc(2026, 5, 3)},
        )
    rows = ledger.kpis("advocate_lift", Scope((MAY,), by=("uses",)))
    assert {row.segment["uses"]: row.value for row in rows} == {
        "reports": pytest.approx(0.75 / 0.4),
        "boards": pytest.approx((1 / 6) / 0.4),
    }


def free(ledger: Ledger, name: str, paid: date | None = None, **more: Any) -> None:
    ledger.account(name)
    ledger.add(
        Subscription,
        {
            "source_id": name, "account_source_id": name, "currency": "EUR",
            "started_at": utc(2026, 2, 1), **more,
        },
    )  # fmt: skip
    if paid:
        ledger.span(name, 100, paid)


def test_free_to_paid_is_of_those_on_a_free_plan_at_the_start(ledger: Ledger) -> None:
    free(ledger, "stays")
    free(ledger, "pays", date(2026, 5, 10))
    # Left the free plan for another subscription.
    free(ledger, "moves", date(2026, 5, 10), status="canceled", ended_at=utc(2026, 5, 10))
    free(ledger, "paid before", date(2026, 4, 10))
    free(ledger, "leaves", status="canceled", ended_at=utc(2026, 5, 10))
    free(ledger, "left", status="canceled", ended_at=utc(2026, 4, 10))
    free(ledger, "paused", status="paused")
    free(ledger, "on trial", trial_end=utc(2026, 5, 20))
    free(ledger, "joins", started_at=utc(2026, 5, 3))
    row = only_row(ledger, "free_to_paid_rate")
    assert (row.value, row.numerator, row.denominator) == (0.5, 2, 4)


def test_where_accounts_drop_off_and_get_stuck(ledger: Ledger) -> None:
    done = {"ann": (1, 1, 1), "bob": (1, 1, 0), "cid": (1, 0, 0), "dee": (1, 0, 0)}
    for name, steps in done.items():
        ledger.account(name, created_at=utc(2026, 5, 1))
        for n, is_done in enumerate(steps):
            ledger.add(
                OnboardingStep,
                {
                    "source_id": f"{name}{n}", "account_source_id": name, "step": "xyz"[n],
                    "due_at": utc(2026, 5, 5 + 5 * n),
                    "done_at": utc(2026, 5, 4 + 5 * n) if is_done else None,
                },
            )  # fmt: skip
    rows = ledger.kpis("step_completion_rate", Scope((MAY,)))
    assert {row.segment["step"]: row.value for row in rows} == {"x": 1, "y": 0.5, "z": 0.25}
    stuck = only_row(ledger, "stuck_accounts")
    assert (stuck.value, stuck.n) == (3, 4)
    # In the week before 18 May only y, due on the 10th, had been due for a week.
    week = find_period(date(2026, 5, 12), "week", "UTC")
    assert only_row(ledger, "stuck_accounts", Scope((week,))).value == 2


def test_average_per_user_is_over_the_mean_of_customers(ledger: Ledger) -> None:
    """Two customers at the start, four at the end, 600 of MRR: 200 each; ARPA is 150."""
    for n in range(4):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 150, date(2026, 1, 1) if n < 2 else date(2026, 5, 9))
    row = only_row(ledger, "arpu")
    assert (row.value, row.numerator, row.denominator, row.n) == (200, 600, 3, 4)
    assert only_row(ledger, "arpa").value == 150
    assert only_row(ledger, "mrr_growth_rate").value == 1

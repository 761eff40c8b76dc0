"""Trials, checklists, time to value, referrals and the reasons of churn, by hand."""

from datetime import date, datetime, timedelta
from typing import Any

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period, list_whole_periods
from cs_sync_schemas import (
    MrrMovement,
    OnboardingStep,
    Referral,
    Subscription,
    SubscriptionItem,
)
from tests.metrics.conftest import Ledger, utc

MAY = find_period(date(2026, 5, 1), "month", "UTC")
JOINED = utc(2026, 5, 4)


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((MAY,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


def step(account: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"source_id": f"{account}-{name}", "account_source_id": account, "step": name, **fields}


def trial(ledger: Ledger, account: str, begun: datetime, **fields: Any) -> None:
    own = {"source_id": f"{account}{begun.date()}", "started_at": begun, "trial_start": begun}
    ended = {"trial_end": begun + timedelta(days=14)}
    ledger.add(
        Subscription, {**own, **ended, "account_source_id": account, "currency": "EUR", **fields}
    )
    item = {"source_id": f"i{own['source_id']}", "subscription_source_id": own["source_id"]}
    ledger.add(SubscriptionItem, {**item, "valid_from": begun, "unit_amount": 1000})


def test_ten_trials_in_may_of_which_five_pay_make_one_half(ledger: Ledger) -> None:
    """ChartMogul's example: 50 %, whether or not the payers stayed."""
    names = [f"a{n}" for n in range(11)]
    for n, name in enumerate(names):
        ledger.account(name)
        begun = utc(2026, 5, 31, 12) if n < 10 else utc(2026, 4, 30)
        left: dict[str, Any] = {"status": "canceled", "ended_at": begun + timedelta(days=14)}
        if n < 5:
            left = {}
        if n == 4:
            left = {"status": "canceled", "ended_at": begun + timedelta(days=20)}
        trial(ledger, name, begun, **left)
    ledger.compute(names, Scope(()).policy)
    row = only_row(ledger, "trial_conversion_rate")
    assert (row.value, row.numerator, row.denominator) == (0.5, 5, 10)
    early = Scope((MAY,), observed_until=utc(2026, 6, 30))
    assert only_row(ledger, "trial_conversion_rate", early).status == "provisional"


def test_an_account_has_one_trial_and_pays_in_time_or_not(ledger: Ledger) -> None:
    ledger.account("again")
    ledger.account("late")
    trial(ledger, "again", utc(2026, 4, 1), status="canceled", ended_at=utc(2026, 4, 15))
    trial(ledger, "again", utc(2026, 5, 10))
    trial(ledger, "late", utc(2026, 5, 10), trial_end=utc(2026, 6, 20))
    ledger.compute(["again", "late"], Scope(()).policy)
    row = only_row(ledger, "trial_conversion_rate")
    assert (row.numerator, row.denominator) == (0, 1)


def test_activation_needs_every_required_step_in_time(ledger: Ledger) -> None:
    in_time, late = JOINED + timedelta(days=14), JOINED + timedelta(days=15)
    for name in "abcd":
        ledger.account(name, created_at=JOINED)
    ledger.add(
        OnboardingStep,
        step("a", "import", done_at=in_time),
        step("a", "invite", done_at=JOINED),
        step("a", "extra", required=False),
        step("b", "import", done_at=in_time),
        step("b", "invite", done_at=late),
        step("c", "import"),
    )
    row = only_row(ledger, "activation_rate")
    assert (row.numerator, row.denominator) == (1, 3)


def test_engagement_counts_the_steps_that_were_due(ledger: Ledger) -> None:
    ledger.account("a")
    due = {"due_at": utc(2026, 5, 20)}
    ledger.add(
        OnboardingStep,
        step("a", "1", done_at=utc(2026, 4, 2), **due),
        step("a", "2", done_at=utc(2026, 5, 31), **due),
        step("a", "3", done_at=utc(2026, 6, 1), **due),
        step("a", "4", **due),
        step("a", "5", due_at=utc(2026, 6, 1)),
        step("a", "6", done_at=utc(2026, 5, 2)),
    )
    row = only_row(ledger, "onboarding_engagement")
    assert (row.value, row.numerator, row.denominator) == (0.5, 2, 4)


def test_time_to_value_is_the_median_of_those_who_got_there(ledger: Ledger) -> None:
    for name, days in (("a", 1.5), ("b", 4), ("c", 30), ("d", None)):
        ledger.account(name, created_at=JOINED)
        done = days and JOINED + timedelta(days=days)
        ledger.add(
            OnboardingStep,
            step(name, "1", done_at=done),
            step(name, "2", done_at=done and done + timedelta(days=50)),
        )
    row = only_row(ledger, "time_to_value_days")
    assert (row.value, row.n) == (4, 3)


def test_referrals_and_advocates(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.account("b")
    ledger.account("t", is_test=True)
    for n, (who, when) in enumerate(
        [("a", utc(2026, 4, 2)), ("a", JOINED), ("a", JOINED), ("b", JOINED), ("t", JOINED)]
    ):
        ledger.add(Referral, {"source_id": f"{n}", "account_source_id": who, "referred_at": when})
    spring = Scope(list_whole_periods(date(2026, 4, 1), date(2026, 7, 1), "month", "UTC"))
    assert [row.value for row in ledger.kpis("referrals", spring)] == [1, 3, 0]
    assert [row.value for row in ledger.kpis("advocates", spring)] == [1, 2, 2]


def test_why_customers_left(ledger: Ledger) -> None:
    reasons = ["switched_service", "too_expensive", "too_expensive", "payment_failed", "hm", None]
    start, end = date(2026, 1, 1), date(2026, 5, 10)
    for n, reason in enumerate(reasons):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 100, start, end)
        left = {"policy": Scope(()).policy.hash, "currency": "EUR", "kind": "churn", "amount": 100}
        ledger.add(
            MrrMovement,
            {
                "account_id": f"a{n}",
                "at": utc(2026, 5, 10),
                "cause": "end",
                "reason": reason,
                **left,
            },
        )
    ledger.account("stays")
    ledger.span("stays", 100, start)
    rows = ledger.kpis("churn_by_stated_reason", Scope((MAY,)))
    assert {row.segment["reason"]: row.value for row in rows} == {
        "competitor": 1, "price": 2, "payment": 1, "other": 1, "unknown": 1,
    }  # fmt: skip
    assert only_row(ledger, "churned_customers").value == 6
    april = find_period(date(2026, 4, 1), "month", "UTC")
    both = ledger.kpis("churn_by_stated_reason", Scope((april, MAY)))
    assert [row.value for row in both[:5]] == [0] * 5


def test_value_in_time_counts_those_who_never_got_there(ledger: Ledger) -> None:
    """Of three that joined in May one did a first step after 7 days, one after 8, one never."""
    for n, done in enumerate((JOINED + timedelta(days=7), JOINED + timedelta(days=8), None)):
        ledger.account(f"a{n}", created_at=JOINED)
        ledger.add(OnboardingStep, step(f"a{n}", "connect", done_at=done))
    row = only_row(ledger, "value_in_time_rate")
    assert (row.numerator, row.denominator, row.n) == (1, 3, 3)
    assert only_row(ledger, "time_to_value_days").value == 7.5


def test_any_step_done_lately_is_progress(ledger: Ledger) -> None:
    """All have a required step due on the 10th and not done; what they did on the 28th differs.

    One did a step without a due date, one an optional one, one of a later due date: none is stuck.
    One did its last on the 20th, one will do one in June: they are. Without a required step due
    nobody is counted at all.
    """
    lately, due = utc(2026, 5, 28), {"due_at": utc(2026, 5, 10)}
    others: dict[str, dict[str, Any]] = {
        "undated": {"done_at": lately},
        "optional": {"done_at": lately, "required": False},
        "ahead": {"done_at": lately, "due_at": utc(2026, 7, 1)},
        "earlier": {"done_at": utc(2026, 5, 20)},
        "later": {"done_at": utc(2026, 6, 1)},
    }
    for name, other in others.items():
        ledger.account(name)
        ledger.add(OnboardingStep, step(name, "1", **due), step(name, "2", **other))
    ledger.account("no duty")
    ledger.add(OnboardingStep, step("no duty", "1", done_at=lately))
    row = only_row(ledger, "stuck_accounts")
    assert (row.value, row.n) == (2, 5)

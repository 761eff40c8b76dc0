"""Seats in use, features of advocates, the retention budget, and who is credited: by hand."""

from datetime import date, timedelta
from typing import Any

import pytest

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import (
    Cost,
    FeatureDay,
    Referral,
    Subscription,
    SubscriptionItem,
    UsageDay,
)
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((JUNE,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


def seats(ledger: Ledger, account: str, number: int, name: str = "", **more: Any) -> None:
    key = f"s-{account}{name}"
    ledger.add(
        Subscription,
        {
            "source_id": key, "account_source_id": account, "currency": "EUR",
            "started_at": utc(2026, 1, 1), **more,
        },
    )  # fmt: skip
    item = {"subscription_source_id": key, "unit_amount": "100", "valid_from": utc(2026, 1, 1)}
    ledger.add(
        SubscriptionItem,
        {"source_id": f"{key}-seats", "quantity": str(number), **item},
        {"source_id": f"{key}-extra", "quantity": "1", **item},
        {"source_id": f"{key}-calls", "quantity": "999", "usage_type": "metered", **item},
    )


def used(ledger: Ledger, account: str, person: str | None, day: date) -> None:
    ledger.add(
        UsageDay,
        {
            "source_id": f"{account}{person}{day}", "account_source_id": account,
            "contact_source_id": person, "day": day, "events": 1,
        },
    )  # fmt: skip


def test_seats_in_use(ledger: Ledger) -> None:
    """Two of Alpha's 10 and 2 seats were active in the 28 days, none of Beta's 8; of Gamma nobody
    is known by name, Delta's subscription is over: 2 ÷ 20."""
    for name in ("alpha", "beta", "gamma", "delta"):
        ledger.account(name)
    seats(ledger, "alpha", 10)
    seats(ledger, "alpha", 2, "more")
    seats(ledger, "beta", 8)
    seats(ledger, "gamma", 5)
    seats(ledger, "delta", 5, status="canceled", ended_at=utc(2026, 6, 2))
    for person, day in (("ann", 30), ("ann", 29), ("bob", 3)):
        used(ledger, "alpha", person, date(2026, 6, day))
    used(ledger, "alpha", "cem", date(2026, 6, 2))  # the day before the window
    used(ledger, "beta", "dan", date(2026, 3, 1))
    used(ledger, "gamma", None, date(2026, 6, 20))
    used(ledger, "delta", "eve", date(2026, 6, 20))
    row = only_row(ledger, "seat_use_rate")
    assert (row.numerator, row.denominator, row.n, row.value) == (2, 20, 2, 0.1)


def test_a_later_number_of_seats_counts_from_its_day(ledger: Ledger) -> None:
    ledger.account("alpha")
    seats(ledger, "alpha", 10)
    table = {"valid_from": utc(2026, 7, 1), "quantity": "50", "unit_amount": "100"}
    ledger.add(
        SubscriptionItem,
        {"source_id": "s-alpha-seats", "subscription_source_id": "s-alpha", **table},
    )
    used(ledger, "alpha", "ann", date(2026, 6, 30))
    assert only_row(ledger, "seat_use_rate").denominator == 10


def test_features_that_advocates_use(ledger: Ledger) -> None:
    """Of four customers one recommends: 25 %. Of the two that use reports one does: twice that.

    Of the three that use exports none; what was used in May is not a feature of June.
    """
    for n in range(4):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 100, START)
    ledger.account("free")
    ledger.add(
        Referral, {"source_id": "r", "account_source_id": "a0", "referred_at": utc(2026, 4, 1)}
    )
    uses = [
        ("a0", "reports", 5), ("a0", "reports", 6), ("a1", "reports", 5), ("free", "reports", 5),
        ("a1", "exports", 5), ("a2", "exports", 5), ("a3", "exports", 9), ("a0", "exports", -9),
    ]  # fmt: skip
    for n, (account, feature, day) in enumerate(uses):
        when = date(2026, 6, 1) + timedelta(days=day)
        ledger.add(
            FeatureDay,
            {
                "source_id": f"{n}", "account_source_id": account, "feature": feature, "day": when,
                "events": 1,
            },
        )  # fmt: skip
    rows = ledger.kpis("advocate_lift_by_feature", Scope((JUNE,)))
    assert {row.segment["feature"]: (row.value, row.n) for row in rows} == {
        "exports": (0, 3), "reports": (2, 2),
    }  # fmt: skip


def costs(ledger: Ledger, **amounts: int) -> None:
    for purpose, amount in amounts.items():
        ledger.add(
            Cost,
            {
                "source_id": purpose, "purpose": purpose, "amount": amount, "currency": "EUR",
                "month": date(2026, 6, 1),
            },
        )  # fmt: skip


def test_what_may_still_be_spent_on_keeping_a_customer(ledger: Ledger) -> None:
    """Of 90 a month at 80 % a third is 24; 10 are spent already: 14 are left for each.

    By plan: pro pays 150, so 40 − 10 are left; basic pays 30: 8 − 10, too much is spent.
    """
    for name, plan, amount in (("a", "pro", 15_000), ("b", "basic", 3_000)):
        ledger.account(name, attributes={"plan": plan})
        ledger.span(name, amount, START)
    assert only_row(ledger, "retention_budget", Scope((JUNE,), gross_margin=0.8)).value is None
    costs(ledger, retention=2_000)
    whole = only_row(ledger, "retention_budget", Scope((JUNE,), gross_margin=0.8))
    assert (whole.value, whole.numerator, whole.n) == (1_400, 2_800, 2)
    rows = ledger.kpis("retention_budget", Scope((JUNE,), gross_margin=0.8, by=("plan",)))
    assert {row.segment["plan"]: row.value for row in rows} == {"pro": 3_000, "basic": -200}
    dearer = Scope((JUNE,), gross_margin=0.8, settings={"retention_budget": {"ltv_crc_target": 4}})
    assert only_row(ledger, "retention_budget", dearer).value == 800


@pytest.mark.parametrize(("team", "sales"), [("sales", 130), ("customer success", 100)])
def test_who_is_credited_with_what_was_gained(ledger: Ledger, team: str, sales: int) -> None:
    """New 100, expansion 50, a customer that returned 30; what was lost is nobody's credit."""
    for name in ("new", "grown", "back", "gone"):
        ledger.account(name)
    ledger.span("new", 100, MIDDLE)
    ledger.span("grown", 100, START, MIDDLE)
    ledger.span("grown", 150, MIDDLE)
    ledger.span("back", 30, START, date(2026, 3, 1))
    ledger.span("back", 30, MIDDLE)
    ledger.span("gone", 70, START, MIDDLE)
    scope = Scope((JUNE,), settings={"gained_mrr_by_credit": {"reactivation": team}})
    rows = ledger.kpis("gained_mrr_by_credit", scope)
    assert {row.segment["credit"]: row.value for row in rows} == {
        "sales": sales, "customer success": 180 - sales,
    }  # fmt: skip

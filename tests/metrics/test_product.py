"""Features, quality and the funnel, by hand."""

from datetime import date
from typing import Any

import pytest

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import FeatureDay, FunnelDay, QualityDay
from tests.metrics.conftest import Ledger

FEBRUARY = find_period(date(2026, 2, 1), "month", "UTC")


def only_row(ledger: Ledger, metric: str) -> KpiRow:
    [row] = ledger.kpis(metric, Scope((FEBRUARY,)))
    return row


def days(ledger: Ledger, model: Any, *rows: dict[str, Any]) -> None:
    for n, row in enumerate(rows):
        ledger.add(model, {"source_id": f"{n}", "day": date(2026, 2, 1 + n), **row})


def test_breadth_is_the_share_of_features_and_depth_their_use(ledger: Ledger) -> None:
    """There are four features; A used three of them, B one: 4 of 8. 60 events in 4 pairs."""
    for name in "abc":
        ledger.account(name)
    a, b = {"account_source_id": "a"}, {"account_source_id": "b"}
    days(
        ledger, FeatureDay,
        {**a, "feature": "board", "events": 20}, {**a, "feature": "board", "events": 10},
        {**a, "feature": "export", "events": 5}, {**a, "feature": "report", "events": 5},
        {**b, "feature": "board", "events": 20}, {**b, "feature": "export", "events": 0},
        {"account_source_id": "c", "feature": "sso", "events": 9, "day": date(2025, 5, 5)},
    )  # fmt: skip
    breadth, depth = only_row(ledger, "feature_breadth"), only_row(ledger, "feature_depth")
    assert (breadth.value, breadth.numerator, breadth.denominator, breadth.n) == (0.5, 4, 8, 2)
    assert (depth.value, depth.n) == (15, 2)


def test_quality_is_added_up_and_response_weighted(ledger: Ledger) -> None:
    days(
        ledger, QualityDay,
        {"defects": 2, "downtime_seconds": 60, "response_seconds": 0.5, "requests": 300},
        {"defects": 3, "downtime_seconds": 30, "response_seconds": 2.0, "requests": 100},
        {"downtime_seconds": 5}, {"defects": 9, "day": date(2026, 3, 1)},
    )  # fmt: skip
    assert only_row(ledger, "defects").value == 5
    assert only_row(ledger, "defects").n == 2
    assert only_row(ledger, "downtime_seconds").value == 95
    assert only_row(ledger, "response_seconds").value == 0.875


def test_conversion_names_its_population(ledger: Ledger) -> None:
    days(
        ledger, FunnelDay,
        {"goal": "trial", "visitors": 900, "leads": 90, "conversions": 45},
        {"goal": "demo", "visitors": 100, "leads": 10, "conversions": 5},
    )  # fmt: skip
    row = only_row(ledger, "conversion_rate")
    assert (row.value, row.numerator, row.denominator, row.n) == (0.05, 50, 1000, 1000)
    assert row.low is not None
    assert only_row(ledger, "lead_conversion_rate").value == 0.5
    assert only_row(ledger, "visitor_to_lead_rate").value == 0.1
    assert only_row(ledger, "leads").value == 100
    goals = ledger.kpis("goal_conversion_rate", Scope((FEBRUARY,)))
    assert {r.segment["goal"]: r.value for r in goals} == {"trial": 0.05, "demo": 0.05}


def test_more_conversions_than_visitors_have_no_interval_as_a_share(ledger: Ledger) -> None:
    days(ledger, FunnelDay, {"visitors": 10, "conversions": 12})
    row = only_row(ledger, "conversion_rate")
    assert row.value == pytest.approx(1.2)
    assert (row.low, row.high) == (None, None)


def test_without_visitors_conversion_is_undefined(ledger: Ledger) -> None:
    days(ledger, FunnelDay, {"conversions": 3})
    row = only_row(ledger, "conversion_rate")
    assert (row.value, row.status) == (None, "insufficient")


def test_a_goal_whose_leads_are_not_counted_is_no_part_of_their_rate(ledger: Ledger) -> None:
    days(
        ledger, FunnelDay,
        {"goal": "paid", "visitors": 900, "leads": 90, "conversions": 45},
        {"goal": "newsletter", "visitors": 100, "conversions": 55},
    )  # fmt: skip
    row = only_row(ledger, "lead_conversion_rate")
    assert (row.numerator, row.denominator) == (45, 90)
    assert only_row(ledger, "conversion_rate").value == 0.1

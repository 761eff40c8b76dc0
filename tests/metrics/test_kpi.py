"""What is printed of a metric's rows: fields, undefined values, status."""

from datetime import date

import pytest
from sqlalchemy import literal, select

from cs_sync.metrics.intervals import (
    calculate_nps_interval,
    calculate_ratio_interval,
    calculate_wilson_interval,
)
from cs_sync.metrics.kpi import build_kpi_rows
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import MetricRegistry, list_builtin_metrics
from tests.metrics.conftest import METRICS, Ledger, utc

FIELDS = [
    "metric", "period_start", "period_end", "segment", "currency", "value", "unit", "numerator",
    "denominator", "n", "low", "high", "policy", "status", "stale_since",
]  # fmt: skip
SPRING = list_whole_periods(date(2026, 3, 1), date(2026, 6, 1), "month", "UTC")


def test_the_fields_are_those_of_the_interface_in_order(ledger: Ledger) -> None:
    [row, *_] = ledger.kpis("customers", Scope(SPRING))
    printed = row.json()
    assert list(printed) == FIELDS
    assert (printed["period_start"], printed["period_end"]) == ("2026-03-01", "2026-04-01")
    assert printed["segment"] == {}
    assert printed["value"] is None


def test_every_period_has_a_row_for_every_segment_and_currency(ledger: Ledger) -> None:
    ledger.account("a", attributes={"plan": "pro"})
    ledger.account("b", attributes={"plan": "basic"})
    ledger.span("a", 100, date(2026, 1, 1))
    ledger.span("b", 100, date(2026, 5, 10), currency="USD")
    rows = ledger.kpis("mrr", Scope(SPRING, by=("plan",)))
    assert [(r.segment["plan"], r.currency, r.value, r.status) for r in rows] == [
        ("pro", "EUR", 100, "final"), ("basic", "USD", None, "insufficient"),
        ("pro", "EUR", 100, "final"), ("basic", "USD", None, "insufficient"),
        ("pro", "EUR", 100, "final"), ("basic", "USD", 100, "final"),
    ]  # fmt: skip


def test_status(ledger: Ledger) -> None:
    for n in range(6):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 100, date(2026, 1, 1))

    def statuses(scope: Scope, **more: object) -> list[str]:
        return [row.status for row in ledger.kpis("customer_churn_rate", scope, **more)]

    assert statuses(Scope(SPRING)) == ["final"] * 3
    assert statuses(Scope(SPRING, minimum_n=7)) == ["insufficient"] * 3
    assert statuses(Scope(SPRING, observed_until=utc(2026, 5, 20))) == [
        "final",
        "final",
        "provisional",
    ]
    late = ledger.kpis("customer_churn_rate", Scope(SPRING), stale_since=utc(2026, 5, 1))
    assert {row.status for row in late} == {"stale"}
    assert late[0].json()["stale_since"] == "2026-05-01T00:00:00+00:00"


def test_a_metric_of_a_plugin_is_twenty_lines(ledger: Ledger) -> None:
    def build(scope: Scope) -> object:
        return select(
            literal(0).label("period"), literal(None).label("currency"),
            literal(3).label("numerator"), literal(8).label("denominator"), literal(8).label("n"),
        )  # fmt: skip

    metric = Metric(
        "pass_rate", "Pass rate", "ratio", "passed ÷ all", ("us",), build, ("ticket",),  # type: ignore[arg-type]
        spread="wilson", divides=True, settings={"after": 7},
        settles_after="after",
    )  # fmt: skip
    scope = Scope(SPRING[:1], observed_until=utc(2026, 4, 3))
    [row] = ledger.kpis(metric, scope)
    assert (row.value, row.status) == (0.375, "provisional")
    registry = MetricRegistry([metric])
    with pytest.raises(ValueError, match="there is a metric named 'pass_rate' already"):
        registry.add(metric)


def test_nothing_to_divide_by_is_undefined() -> None:
    metric = METRICS.select(["quick_ratio"])[0]
    row = {"period": 0, "currency": "EUR", "numerator": 5, "denominator": 0, "n": 2}
    [kpi] = build_kpi_rows(metric, Scope(SPRING[:1]), [row])
    assert (kpi.value, kpi.numerator, kpi.denominator) == (None, 5, 0)


def test_unknown_metrics_and_settings_are_refused_with_what_is_known() -> None:
    with pytest.raises(ValueError, match="unknown metric 'mmr'; known: activation_rate, "):
        METRICS.select(["mmr"])
    with pytest.raises(ValueError, match="nps has no setting 'window'; it has: window_days"):
        METRICS.select(["nps"])[0].build_statement(Scope(SPRING, settings={"nps": {"window": 3}}))


def test_every_metric_says_what_it_is() -> None:
    names = [metric.name for metric in list_builtin_metrics()]
    assert len(set(names)) == len(names)
    for metric in list_builtin_metrics():
        assert metric.title
        assert metric.formula
        assert metric.sources
        assert metric.inputs


def test_intervals_against_published_figures() -> None:
    assert calculate_wilson_interval(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert calculate_wilson_interval(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    assert calculate_wilson_interval(0, 0) is None
    low, high = calculate_nps_interval(100, 20, 200) or (0, 0)
    assert (high - low) / 2 == pytest.approx(9.2, abs=0.05)
    assert calculate_nps_interval(0, 0, 0) is None
    # The mean of 1, 2, 3, 4 is 2.5 and its standard error √(5/3)/2 = 0.6455.
    mean = calculate_ratio_interval(10, 4, 30, 10, 4, 4)
    assert mean == pytest.approx((2.5 - 1.96 * 0.6455, 2.5 + 1.96 * 0.6455), abs=1e-3)
    assert calculate_ratio_interval(5, 0, 1, 1, 1, 4) is None


@pytest.mark.parametrize("metric", [m for m in list_builtin_metrics() if m.dimensions])
def test_what_does_not_occur_in_a_period_is_none_of_them_without_an_interval(
    metric: Metric,
) -> None:
    row = {
        "period": 0, "currency": None, "numerator": 2, "denominator": 4, "n": 4, "variance": 1.0,
        "events": 2, "yy": 4, "xy": 8, "xx": 16, "promoters": 3, "detractors": 1,
    } | {f"dimension_{n}": "x" for n in range(len(metric.dimensions))}  # fmt: skip
    _, missing, _ = build_kpi_rows(metric, Scope(SPRING), [row])
    assert (missing.numerator, missing.n) == (0, 0)
    assert (missing.low, missing.high) == (None, None)

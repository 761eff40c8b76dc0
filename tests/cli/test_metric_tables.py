"""How metrics look in a terminal: segments, what is called good, what is not known."""

from datetime import date
from typing import Any

from rich.console import Console, RenderableType

from cs_sync.cli.render.cells import benchmark_cell, metric_cell
from cs_sync.cli.render.run_output import kpis_table
from cs_sync.cli.render.tables import metrics_table
from cs_sync.i18n import ENGLISH

ROW: dict[str, Any] = {
    "metric": "churn_by_reason", "period_start": date(2026, 2, 1), "period_end": date(2026, 3, 1),
    "segment": {"reason": "competitor"}, "currency": None, "value": 3, "unit": "count",
    "numerator": 3, "denominator": None, "n": 3, "low": None, "high": None, "policy": "p",
    "status": "final", "stale_since": None,
}  # fmt: skip
CHURN = {**ROW, "metric": "customer_churn_rate", "segment": {}, "unit": "ratio", "value": 0.04}


def shown(table: RenderableType) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_the_kpis_of_a_run_name_their_segment_and_hide_what_is_unknown() -> None:
    unknown = {**ROW, "metric": "nps", "segment": {}, "value": None}
    text = shown(kpis_table([ROW, unknown], ENGLISH))
    assert "Churned customers by reason moved to a competitor" in text
    assert "NPS" not in text


def test_benchmarks_stand_beside_the_values_and_follow_the_period() -> None:
    text = shown(metrics_table([CHURN, ROW], ENGLISH))
    assert "target" in text
    assert "< 5.0%" in text
    assert "reason: moved to a competitor" in text
    year = {**CHURN, "period_end": date(2027, 2, 1)}
    assert str(benchmark_cell(year, ENGLISH)) == "< 46.0%"


def test_a_benchmark_is_coloured_by_whether_it_is_reached() -> None:
    styles = [
        benchmark_cell({**CHURN, "value": value}, ENGLISH).style for value in (0.04, 0.06, None)
    ]
    assert styles == ["green", "yellow", "dim"]


def test_without_benchmarks_and_segments_there_are_no_columns_for_them() -> None:
    plain = {**ROW, "segment": {}}
    text = shown(metrics_table([plain], ENGLISH))
    assert "target" not in text
    assert "segment" not in text
    assert str(metric_cell(plain)) == "churn_by_reason"

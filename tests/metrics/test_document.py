"""The page of metrics is current; benchmarks carry their period."""

from pathlib import Path

import pytest

from cs_sync.metrics.benchmark import BENCHMARKS
from cs_sync.metrics.document import render_page
from cs_sync.metrics.registry import list_builtin_metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
PROMISED = """
customer_churn_rate churned_customers churn_by_reason mrr arr new_mrr expansion_mrr contraction_mrr
churned_mrr reactivation_mrr gross_mrr_churn_rate net_mrr_churn_rate expansion_rate nrr grr
quick_ratio arpa arpu customers ltv cac ltv_cac cac_payback_months crc ltv_crc saas_profit nps csat
ces fcr first_reply_seconds trial_conversion_rate free_to_paid_rate conversion_rate activation_rate
onboarding_engagement time_to_value_days dau wau mau dau_mau sessions_per_day session_seconds
feature_breadth feature_depth usage_frequency referrals advocates open_tickets tickets_per_account
defects downtime_seconds response_seconds
"""


def test_the_page_is_what_the_registry_says() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == render_page(list_builtin_metrics()), (
        "run: python -m cs_sync.metrics.document > docs/metrics.md"
    )


def test_every_promised_metric_is_there() -> None:
    assert set(PROMISED.split()) <= {metric.name for metric in list_builtin_metrics()}


def test_every_metric_says_what_it_is() -> None:
    for metric in list_builtin_metrics():
        assert all((metric.title, metric.formula, metric.sources, metric.inputs)), metric.name
        assert metric.spread == "none" or metric.divides, metric.name


def test_views_hold_what_they_are_for() -> None:
    views = {
        "onboarding": {"trial_conversion_rate", "onboarding_engagement"},
        "retention": {"customer_churn_rate", "csat"},
        "expansion": {"expansion_mrr", "ltv", "nps"},
        "stability": {"customer_churn_rate", "sessions_per_day"},
        "product-market fit": {"trial_conversion_rate", "onboarding_engagement"},
        "profitability": {"expansion_rate", "mrr_growth_rate", "ltv_cac"},
    }
    for view, names in views.items():
        shown = {m.name for m in list_builtin_metrics() if view in (*m.stage, *m.strategy)}
        assert names <= shown, view


def test_benchmarks_of_churn_are_scaled_to_the_period() -> None:
    """Below 5 % a month is below 46 % a year; a share of satisfied people has no period."""
    churn, csat = BENCHMARKS["customer_churn_rate"], BENCHMARKS["csat"]
    assert churn.scale_to(30) == 0.05
    assert churn.scale_to(365) == pytest.approx(1 - 0.95**12)
    assert churn.is_met(0.3, 365)
    assert not churn.is_met(0.3, 31)
    assert csat.scale_to(365) == 0.8
    assert csat.is_met(0.9, 31)


def test_benchmarks_are_of_metrics_that_exist() -> None:
    assert set(BENCHMARKS) <= {metric.name for metric in list_builtin_metrics()}

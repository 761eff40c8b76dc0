"""Metrics are found by the names that readers know."""

from typing import get_args

import pytest

from cs_sync.cli.commands import metrics as numbers
from cs_sync.metrics.aliases import ALIASES, normalise_name
from cs_sync.metrics.metric import Family, Stage, Strategy
from cs_sync.metrics.registry import MetricRegistry, is_in_view, list_builtin_metrics

METRICS = MetricRegistry(list_builtin_metrics())


@pytest.mark.parametrize(
    ("asked", "metric"),
    [
        ("ndr", "nrr"), ("NDR", "nrr"), ("chs", "health_score"), ("oes", "onboarding_engagement"),
        ("upsell", "expansion_mrr"), ("cross-sell", "expansion_mrr"),
        ("Cross sell", "expansion_mrr"), ("downgrade", "contraction_mrr"),
        ("negative churn", "net_mrr_churn_rate"), ("negative_churn", "net_mrr_churn_rate"),
        ("logo_churn", "customer_churn_rate"), ("LTV:CAC", "ltv_cac"), ("clv", "ltv"),
        ("nrr", "nrr"), ("NRR", "nrr"),
    ],
)  # fmt: skip
def test_whatever_it_is_called(asked: str, metric: str) -> None:
    assert [item.name for item in METRICS.select([asked])] == [metric]


def test_asking_by_two_names_answers_once() -> None:
    assert [item.name for item in METRICS.select(["ndr", "nrr", "upsell"])] == [
        "nrr", "expansion_mrr",
    ]  # fmt: skip


def test_other_names_are_of_one_metric_each_and_hide_none() -> None:
    names = {metric.name for metric in list_builtin_metrics()}
    others = [normalise_name(alias) for actual in ALIASES.values() for alias in actual]
    assert set(ALIASES) <= names
    assert len(others) == len(set(others))
    own = {normalise_name(alias): name for name, actual in ALIASES.items() for alias in actual}
    assert all(own[other] == other for other in set(others) & names)


def test_every_metric_is_in_a_family_and_every_family_has_some() -> None:
    for family in get_args(Family):
        assert [m for m in list_builtin_metrics() if is_in_view(m, "family", family)], family
    pairs = [("nps", "engagement"), ("cac", "customer ROI"), ("defects", "technical")]
    assert all(is_in_view(METRICS.select([name])[0], "family", family) for name, family in pairs)


def test_the_command_line_offers_the_views_that_there_are() -> None:
    for offered, known in (
        (numbers.Family, Family), (numbers.Stage, Stage), (numbers.Strategy, Strategy),
    ):  # fmt: skip
        assert get_args(offered) == get_args(known)

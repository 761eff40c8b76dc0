"""Recurring revenue: amounts, movements and rates."""

import math
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Double, Select, case, cast, func, literal, select, union_all

from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.mrr_relations import (
    build_movements,
    build_waterfall,
    select_grouped_runs,
    select_mrr_runs,
    select_retention_runs,
)
from cs_sync.metrics.sql.mrr_stocks import get_months_before
from cs_sync.metrics.sql.relations import (
    count_if,
    get_period_columns,
    get_segment_columns,
    select_quotient,
    select_totals,
)
from cs_sync.metrics.sql.stock_groups import count_accounts, get_accounts

BILLING = ("subscription", "subscription_item", "discount", "invoice", "invoice_line")
_MOVEMENTS = ("ChartMogul help, article 203299812", "Baremetrics help, article 5380330")
_DRIFT = "Drift, Customer success metrics"


def _make_mrr_query(times: int = 1) -> Callable[[Scope], Select[Any]]:
    """Make a query of `times` the MRR at the period's end."""

    def build(scope: Scope) -> Select[Any]:
        pairs = select_grouped_runs(scope)
        return select_totals(
            scope,
            pairs,
            numerator=func.sum(pairs.c.cur) * times,
            n=count_accounts(pairs, pairs.c.cur > 0),
            currency=True,
        )

    return build


def _make_movement_query(kind: str) -> Callable[[Scope], Select[Any]]:
    """Make a query of one kind of movement.

    Net per account over the period.
    """

    def build(scope: Scope) -> Select[Any]:
        pairs = select_grouped_runs(scope)
        amount = build_waterfall(scope, pairs)[kind]
        return select_totals(
            scope,
            pairs,
            numerator=func.sum(amount),
            n=count_accounts(pairs, amount > 0),
            currency=True,
        )

    return build


def _select_gains_by_credit(scope: Scope) -> Select[Any]:
    """Select the gained MRR by credited team."""
    pairs = select_grouped_runs(scope)
    kinds = build_waterfall(scope, pairs)
    credit = {"new": "sales", "expansion": "customer success"}
    credit["reactivation"] = scope.settings["reactivation"]
    lines = union_all(
        *(
            select(
                *get_period_columns(pairs),
                *get_segment_columns(scope, pairs),
                literal(team).label("dimension_0"),
                pairs.c.currency,
                kinds[kind].label("amount"),
                get_accounts(pairs).label("accounts"),
            ).where(kinds[kind] > 0)
            for kind, team in credit.items()
        )
    ).cte("credited")
    return select_totals(
        scope,
        lines,
        numerator=func.sum(lines.c.amount),
        n=func.sum(lines.c.accounts),
        currency=True,
    )


def _make_rate_query(*plus: str, minus: tuple[str, ...] = ()) -> Callable[[Scope], Select[Any]]:
    """Return a query of movements ÷ MRR at the period's start."""

    def build(scope: Scope) -> Select[Any]:
        pairs = select_mrr_runs(scope)
        kinds = build_movements(pairs)
        less = minus if scope.policy.net_churn_counts_reactivation else minus[:1]
        y = sum((kinds[k] for k in plus[1:]), kinds[plus[0]])
        for kind in less:
            y = y - kinds[kind]
        return select_quotient(scope, pairs, y, pairs.c.prev, currency=True)

    return build


def _make_retention_query(*, capped: bool) -> Callable[[Scope], Select[Any]]:
    """Return a query of last year's accounts: MRR now ÷ then."""

    def build(scope: Scope) -> Select[Any]:
        months = scope.settings["retention_months"]

        pairs = select_retention_runs(scope, lambda period: get_months_before(period, months))
        cur = pairs.c.cur
        retained = case((cur > pairs.c.prev, pairs.c.prev), else_=cur) if capped else cur
        retained = case((pairs.c.prev > 0, retained), else_=0)
        return select_quotient(scope, pairs, retained, pairs.c.prev, currency=True)

    return build


def _select_quick_ratio(scope: Scope) -> Select[Any]:
    """Select gains ÷ losses.

    The accounts with movements count as a random sample.
    """
    pairs = select_mrr_runs(scope)
    kinds = build_movements(pairs)
    gained = kinds["new"] + kinds["reactivation"] + kinds["expansion"]
    lost = kinds["contraction"] + kinds["churn"]
    y, x, n = func.sum(gained), func.sum(lost), count_if(pairs.c.prev != pairs.c.cur)
    return select_totals(
        scope,
        pairs,
        numerator=y,
        denominator=x,
        n=n,
        currency=True,
        variance=_build_relative_variance(gained, y) + _build_relative_variance(lost, x),
    )


def _build_relative_variance(
    amount: ColumnElement[Any], total: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Build the relative variance of a sum over random accounts.

    Σ amount² ÷ (Σ amount)². An account gains or loses, never both, so gains and losses vary
    independently.
    """
    exact = cast(amount, Double)
    return case((total > 0, func.sum(exact * exact) / (cast(total, Double) * total)))


def _select_arpa(scope: Scope) -> Select[Any]:
    pairs = select_mrr_runs(scope)
    return select_quotient(
        scope, pairs, pairs.c.cur, case((pairs.c.cur > 0, 1), else_=0), currency=True
    )


def _select_arpu(scope: Scope) -> Select[Any]:
    pairs = select_mrr_runs(scope)
    paying = [case((amount > 0, 0.5), else_=0.0) for amount in (pairs.c.prev, pairs.c.cur)]
    return select_quotient(scope, pairs, pairs.c.cur, paying[0] + paying[1], currency=True)


def _select_growth(scope: Scope) -> Select[Any]:
    pairs = select_mrr_runs(scope)
    return select_quotient(scope, pairs, pairs.c.cur - pairs.c.prev, pairs.c.prev, currency=True)


def _make_movement_metric(name: str, title: str, kind: str, note: str) -> Metric:
    return Metric(
        name, title, "money_minor",
        f"sum over accounts of what moved as {kind} between the period's start and end",
        _MOVEMENTS, _make_movement_query(kind), BILLING,
        stage=("expansion",) if kind == "expansion" else (),
        strategy=("profitability",), edge_cases=note,
    )  # fmt: skip


REVENUE: tuple[Metric, ...] = (
    Metric(
        "mrr", "Monthly recurring revenue", "money_minor",
        "sum of subscription items normalised to a month, after discounts, just before the "
        "period's end",
        ("Stripe, Billing analytics glossary", *_MOVEMENTS), _make_mrr_query(), BILLING,
        strategy=("profitability",),
        edge_cases="Per currency, rounded once per account. Trials, metered items, taxes and "
        "one-off charges are not in it; the rest is the policy's choice.",
    ),
    Metric(
        "arr", "Annual recurring revenue", "money_minor", "12 × MRR", _MOVEMENTS,
        _make_mrr_query(12), BILLING, strategy=("profitability",),
    ),
    _make_movement_metric(
        "new_mrr", "New MRR", "new",
        "An account's first MRR ever in the currency; credited to sales.",
    ),
    _make_movement_metric(
        "expansion_mrr", "Expansion MRR", "expansion",
        "More MRR from an account that had some; credited to customer success.",
    ),
    _make_movement_metric(
        "contraction_mrr", "Contraction MRR", "contraction",
        "Less MRR, but some; also when one of several subscriptions ends.",
    ),
    _make_movement_metric("churned_mrr", "Churned MRR", "churn",
    "The account's whole MRR in the currency."),
    _make_movement_metric(
        "reactivation_mrr", "Reactivation MRR", "reactivation",
        "MRR after a time without any, however long.",
    ),
    Metric(
        "gained_mrr_by_credit", "Gained MRR by who is credited", "money_minor",
        "new MRR, the credit of sales, and expansion MRR, the credit of customer success",
        (_DRIFT,), _select_gains_by_credit, BILLING, stage=("expansion",),
        strategy=("profitability",),
        dimensions=("credit",), settings={"reactivation": "sales"},
        choices={"reactivation": ("sales", "customer success")},
        edge_cases="Their sum is new, reactivation and expansion MRR. Who is credited with a "
        "customer that returns is a setting.",
    ),
    Metric(
        "gross_mrr_churn_rate", "Gross MRR churn rate", "ratio",
        "(churn + contraction) ÷ MRR at the period's start",
        (_DRIFT, "ChartMogul help, article 203359341"), _make_rate_query("churn", "contraction"),
        BILLING,
        stage=("retention",), strategy=("stability",), spread="ratio",
        bounds=(0.0, 1.0), divides=True,
        edge_cases="0 to 1. Undefined without MRR at the start.",
    ),
    Metric(
        "net_mrr_churn_rate", "Net MRR churn rate", "ratio",
        "(churn + contraction − expansion − reactivation) ÷ MRR at the period's start",
        (_DRIFT, "ChartMogul help, article 4414075567250"),
        _make_rate_query("churn", "contraction", minus=("expansion", "reactivation")), BILLING,
        stage=("retention", "expansion"), strategy=("stability",), spread="ratio", divides=True,
        edge_cases="Negative when the base grows by itself. Whether reactivation counts is the "
        "policy's choice.",
    ),
    Metric(
        "expansion_rate", "Expansion rate", "ratio", "expansion ÷ MRR at the period's start",
        (_DRIFT,), _make_rate_query("expansion"), BILLING,
        stage=("expansion",), strategy=("profitability",), spread="ratio",
        bounds=(0.0, math.inf), divides=True,
    ),
    Metric(
        "nrr", "Net revenue retention", "ratio",
        "MRR at the period's end of the accounts with MRR 12 months before it ÷ their MRR then",
        ("Standard cohort definition",), _make_retention_query(capped=False), BILLING,
        stage=("retention", "expansion"), strategy=("profitability",), spread="ratio",
        bounds=(0.0, math.inf),
        divides=True, settings={"retention_months": 12},
        looks_back="retention_months",
        edge_cases="Whatever the period, the cohort is the accounts 12 months before its end. New "
        "accounts are left out; one that left and returned counts with what it pays.",
    ),
    Metric(
        "grr", "Gross revenue retention", "ratio",
        "as NRR, but no account counts for more than it paid 12 months before",
        ("Standard cohort definition",), _make_retention_query(capped=True), BILLING,
        stage=("retention",),
        strategy=("stability",), spread="ratio",
        bounds=(0.0, 1.0), divides=True,
        settings={"retention_months": 12},
        looks_back="retention_months", edge_cases="Never above 1 nor above NRR.",
    ),
    Metric(
        "quick_ratio", "Quick ratio", "ratio",
        "(new + reactivation + expansion) ÷ (contraction + churn)",
        ("Baremetrics changelog, Quick ratio",), _select_quick_ratio, BILLING,
        strategy=("profitability",), divides=True, spread="log",
        edge_cases="Undefined when nothing was lost. A multiple, not a share.",
    ),
    Metric(
        "arpa", "Average revenue per account", "money_minor",
        "MRR ÷ accounts with MRR, just before the period's end",
        ("ChartMogul help, article 203359061",), _select_arpa, BILLING,
        strategy=("profitability",),
        spread="ratio",
        bounds=(0.0, math.inf), divides=True,
        edge_cases="Per currency: an account that pays in two counts in both.",
    ),
    Metric(
        "arpu", "Average revenue per user", "money_minor",
        "MRR just before the period's end ÷ mean of the customers at its start and at its end",
        ("Standard definition",), _select_arpu, BILLING, strategy=("profitability",),
        spread="ratio", bounds=(0.0, math.inf), divides=True,
        edge_cases="ARPA divides by the customers at the end, this by their average over the "
        "period. Monthly, whatever the period. Users are accounts that pay, not people.",
    ),
    Metric(
        "mrr_growth_rate", "MRR growth rate", "ratio",
        "(MRR at the period's end − MRR at its start) ÷ MRR at its start",
        ("Standard definition",), _select_growth, BILLING, stage=("expansion",),
        strategy=("profitability",), spread="ratio", divides=True,
        edge_cases="New customers included. Undefined without MRR at the start.",
    ),
)  # fmt: skip

"""Referrals and advocates."""

from typing import Any

from sqlalchemy import CTE, Select, and_, case, func, select

from cs_sync.metrics.catalogue.lift import select_lift
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.days_of_use import is_feature_used
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.mrr_relations import select_customers, select_mrr_pairs
from cs_sync.metrics.sql.relations import (
    count_if,
    get_segment_columns,
    select_period_rows,
    select_totals,
)
from cs_sync_schemas.tables import FEATURE_DAY, REFERRAL

FEATURE = FEATURE_DAY


def _select_referrals(scope: Scope) -> Select[Any]:
    made = select_attributed(
        scope, REFERRAL, REFERRAL.c.referred_at, where=REFERRAL.c.referred_at.is_not(None)
    )
    periods = select_period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    upto = (
        select(
            periods.c.period,
            *get_segment_columns(scope, made),
            and_(made.c.referred_at >= periods.c.since).label("inside"),
        )
        .select_from(periods.join(made, made.c.referred_at < periods.c.until))
        .cte("referrals")
    )
    return select_totals(scope, upto, numerator=count_if(upto.c.inside), n=count_if(upto.c.inside))


def _select_advocates(scope: Scope) -> Select[Any]:
    made = select_attributed(
        scope, REFERRAL, REFERRAL.c.referred_at, where=REFERRAL.c.referred_at.is_not(None)
    )
    periods = select_period_rows(scope, until=lambda period: period.ends_at)
    accounts = (
        select(periods.c.period, *get_segment_columns(scope, made), made.c.account_id)
        .select_from(periods.join(made, made.c.referred_at < periods.c.until))
        .cte("advocates")
    )
    heads = func.count(accounts.c.account_id.distinct())
    return select_totals(scope, accounts, numerator=heads, n=heads)


def _select_advocacy(scope: Scope) -> CTE:
    """Select customers at each period's end; `hit` is 1 for advocates."""
    heads = select_customers(select_mrr_pairs(scope), scope)
    periods = select_period_rows(scope, until=lambda period: period.ends_at)
    made = select_attributed(
        scope, REFERRAL, REFERRAL.c.referred_at, where=REFERRAL.c.referred_at.is_not(None)
    )
    first = (
        select(made.c.account_id, func.min(made.c.referred_at).label("at"))
        .group_by(made.c.account_id)
        .cte("first_referrals")
    )
    hit = case((first.c["at"] < periods.c.until, 1), else_=0).label("hit")
    return (
        select(heads.c.period, heads.c.account_id, *get_segment_columns(scope, heads), hit)
        .select_from(
            heads.join(periods, periods.c.period == heads.c.period).outerjoin(
                first, first.c.account_id == heads.c.account_id
            )
        )
        .where(heads.c.now == 1)
        .cte("customers_and_advocates")
    )


def _select_segment_lift(scope: Scope) -> Select[Any]:
    """Select the share of advocates per segment against all customers."""
    return select_lift(scope, _select_advocacy(scope))


def _select_feature_lift(scope: Scope) -> Select[Any]:
    """Select the share of advocates among each feature's users.

    It is compared with the share among all customers. Only use within the period counts.
    """
    everyone = _select_advocacy(scope)
    days = select_period_rows(
        scope, first=lambda period: period.start, after=lambda period: period.end
    )
    use = select_attributed(
        scope, FEATURE, FEATURE.c.feature, FEATURE.c.day,
        where=is_feature_used(),
    )  # fmt: skip
    inside = and_(use.c.day >= days.c.first, use.c.day < days.c.after)
    used = (
        select(days.c.period, use.c.account_id, use.c.feature)
        .distinct()
        .select_from(days.join(use, inside))
        .cte("features_of_accounts")
    )
    same_account = and_(
        used.c.period == everyone.c.period, used.c.account_id == everyone.c.account_id
    )
    by_feature = (
        select(*everyone.c, used.c.feature.label("dimension_0"))
        .select_from(everyone.join(used, same_account))
        .cte("customers_by_feature")
    )
    return select_lift(scope, by_feature, everyone)


ADVOCACY: tuple[Metric, ...] = (
    Metric(
        "referrals", "Referrals", "count", "recommendations made in the period",
        ("Standard count",), _select_referrals, ("referral",), stage=("expansion",),
        family="lead management",
    ),
    Metric(
        "advocates", "Advocates", "count",
        "accounts that have recommended us at least once by the period's end",
        ("Standard count",), _select_advocates, ("referral",), stage=("expansion",),
        family="lead management",
    ),
    Metric(
        "advocate_lift", "Traits of advocates", "ratio",
        "share of advocates among the customers of a segment ÷ share among all customers",
        ("Standard definition of lift",), _select_segment_lift, ("referral", *BILLING),
        stage=("expansion",),
        family="lead management", divides=True, spread="log",
        edge_cases="For --by; without it 1. Above 1: a trait that advocates share.",
    ),
    Metric(
        "advocate_lift_by_feature", "Features of advocates", "ratio",
        "share of advocates among the customers that used a feature in the period ÷ share among "
        "all customers",
        ("J. York, Chaotic Flow", "Standard definition of lift"), _select_feature_lift,
        ("referral", "feature_day", *BILLING), stage=("expansion",), family="lead management",
        divides=True, spread="log", dimensions=("feature",),
        edge_cases="Above 1: who uses it recommends us more often. A customer counts with every "
        "feature that it used. Undefined where nobody has recommended us.",
    ),
)  # fmt: skip

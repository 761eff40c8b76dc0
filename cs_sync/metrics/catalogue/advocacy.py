"""Who recommends us."""

from typing import Any

from sqlalchemy import Select, and_, case, exists, func, select

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.catalogue.lift import against_the_whole
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, mrr_pairs
from cs_sync.metrics.relations import count_if, marks_of, period_rows, totals
from cs_sync_schemas import Referral, table_of

REFERRAL = table_of(Referral)


def _referrals(scope: Scope) -> Select[Any]:
    made = attributed(
        scope, REFERRAL, REFERRAL.c.referred_at, where=REFERRAL.c.referred_at.is_not(None)
    )
    periods = period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    upto = (
        select(
            periods.c.period,
            *marks_of(scope, made),
            and_(made.c.referred_at >= periods.c.since).label("inside"),
        )
        .select_from(periods.join(made, made.c.referred_at < periods.c.until))
        .cte("referrals")
    )
    return totals(scope, upto, numerator=count_if(upto.c.inside), n=count_if(upto.c.inside))


def _advocates(scope: Scope) -> Select[Any]:
    made = attributed(
        scope, REFERRAL, REFERRAL.c.referred_at, where=REFERRAL.c.referred_at.is_not(None)
    )
    periods = period_rows(scope, until=lambda period: period.ends_at)
    accounts = (
        select(periods.c.period, *marks_of(scope, made), made.c.account_id)
        .select_from(periods.join(made, made.c.referred_at < periods.c.until))
        .cte("advocates")
    )
    heads = func.count(accounts.c.account_id.distinct())
    return totals(scope, accounts, numerator=heads, n=heads)


def _traits(scope: Scope) -> Select[Any]:
    """Customers of each segment that recommended us, against all customers."""
    heads = customers(mrr_pairs(scope), scope)
    periods = period_rows(scope, until=lambda period: period.ends_at)
    made = attributed(
        scope, REFERRAL, REFERRAL.c.referred_at, where=REFERRAL.c.referred_at.is_not(None)
    )
    recommended = exists().where(
        made.c.account_id == heads.c.account_id, made.c.referred_at < periods.c.until
    )
    accounts = (
        select(
            heads.c.period, *marks_of(scope, heads), case((recommended, 1), else_=0).label("hit")
        )
        .select_from(heads.join(periods, periods.c.period == heads.c.period))
        .where(heads.c.now == 1)
        .cte("customers_and_advocates")
    )
    return against_the_whole(scope, accounts, accounts.c.hit)


ADVOCACY: tuple[Metric, ...] = (
    Metric(
        "referrals", "Referrals", "count", "recommendations made in the period",
        ("Standard count",), _referrals, ("referral",), stage=("expansion",),
        family="lead management",
    ),
    Metric(
        "advocates", "Advocates", "count",
        "accounts that have recommended us at least once by the period's end",
        ("Standard count",), _advocates, ("referral",), stage=("expansion",),
        family="lead management",
    ),
    Metric(
        "advocate_lift", "Traits of advocates", "ratio",
        "share of advocates among the customers of a segment ÷ share among all customers",
        ("Standard definition of lift",), _traits, ("referral", *BILLING), stage=("expansion",),
        family="lead management", divides=True, spread="log",
        edge_cases="For --by; without it 1. Above 1: a trait that advocates share.",
    ),
)  # fmt: skip

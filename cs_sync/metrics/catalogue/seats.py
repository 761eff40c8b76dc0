"""Seat utilisation: active people against paid seats."""

from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, Double, Select, String, and_, case, cast, func, or_, select, true

from cs_sync.metrics.days_of_use import select_use
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.relations import (
    get_segment_columns,
    is_present,
    select_period_rows,
    select_quotient,
)
from cs_sync.metrics.subscriptions import was_running
from cs_sync_schemas.tables import SUBSCRIPTION, SUBSCRIPTION_ITEM

ITEM = SUBSCRIPTION_ITEM


def _select_seats(scope: Scope) -> CTE:
    """Select the seats of running subscriptions per period and account.

    Of a subscription only its largest licensed item counts: add-ons are counted beside
    seats.
    """
    periods = select_period_rows(scope, until=lambda period: period.ends_at)
    names = ("source", "source_id", "status", "started_at", "ended_at")
    fields = [SUBSCRIPTION.c[name] for name in names]
    ours = select_attributed(scope, SUBSCRIPTION, *fields, where=true())
    until = periods.c.until
    runs = was_running(ours, until)
    same_subscription = and_(
        ITEM.c.source == ours.c.source,
        ITEM.c.subscription_source_id == ours.c.source_id,
        ITEM.c.usage_type == "licensed",
        ITEM.c.valid_from < until,
        or_(ITEM.c.valid_to.is_(None), ITEM.c.valid_to >= until),
        is_present(ITEM, scope.known_at),
    )
    whose = [periods.c.period, *get_segment_columns(scope, ours), ours.c.account_id]
    each = (
        select(*whose, func.max(cast(ITEM.c.quantity, Double)).label("seats"))
        .select_from(periods.join(ours, runs).join(ITEM, same_subscription))
        .where(ours.c.account_id.is_not(None))
        .group_by(*whose, ours.c.source, ours.c.source_id)
        .cte("seats_of_subscriptions")
    )
    groups = [each.c.period, *get_segment_columns(scope, each), each.c.account_id]
    return select(*groups, func.sum(each.c.seats).label("seats")).group_by(*groups).cte("seats")


def _select_seat_use(scope: Scope) -> Select[Any]:
    """Select people active in the window ÷ seats.

    Of accounts with known people.
    """
    days = int(scope.settings["window_days"])
    periods = select_period_rows(
        scope,
        since=lambda period: period.end - timedelta(days=days),
        until=lambda period: period.end,
    )
    edges = (day for p in scope.periods for day in (p.end - timedelta(days=days), p.end))
    use = select_use(scope, edges=edges)
    someone = case((use.c.day >= periods.c.since, use.c.person))
    account = cast(use.c.account_id, String).label("account_id")  # as text it is joined by an index
    people = (
        select(periods.c.period, account, func.count(someone.distinct()).label("people"))
        .select_from(periods.join(use, use.c.day < periods.c.until))
        .where(use.c.person.is_not(None))
        .group_by(periods.c.period, use.c.account_id)
        .cte("people_of_accounts")
    )
    seats = _select_seats(scope)
    same = and_(people.c.period == seats.c.period, people.c.account_id == seats.c.account_id)
    both = (
        select(*seats.c, people.c.people)
        .select_from(seats.join(people, same))
        .where(seats.c.seats > 0)
        .cte("seats_and_people")
    )
    return select_quotient(scope, both, both.c.people, both.c.seats)


SEATS: tuple[Metric, ...] = (
    Metric(
        "seat_use_rate", "Seats in use", "ratio",
        "people active in the 28 days that end with the period ÷ seats of the subscriptions that "
        "run at its end",
        ("GitLab handbook, licence use",), _select_seat_use,
        ("usage_day", "subscription", "subscription_item"), stage=("retention", "expansion"),
        family="engagement", settings={"window_days": 28}, spread="ratio", divides=True,
        bounds=(0.0, float("inf")),
        edge_cases="Of accounts of which any person was ever seen: where a source only knows the "
        "account, nothing is known of its seats. Seats are the units of a subscription's largest "
        "licensed item; several subscriptions add up. Above 1 more people use it than pay.",
    ),
)  # fmt: skip

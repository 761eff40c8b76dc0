"""How much of what was licensed is used: people active against seats paid for."""

from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, Double, Select, String, and_, case, cast, func, or_, select

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.days_of_use import used_days
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.relations import marks_of, period_rows, present, quotient
from cs_sync_schemas import Subscription, SubscriptionItem, table_of

SUBSCRIPTION, ITEM = table_of(Subscription), table_of(SubscriptionItem)
_NEVER_RAN = ("incomplete", "incomplete_expired")


def _seats(scope: Scope) -> CTE:
    """Per period and account: the units of its running subscriptions.

    Of a subscription those of its largest licensed item: add-ons are counted beside seats.
    """
    periods = period_rows(scope, until=lambda period: period.ends_at)
    fields = [SUBSCRIPTION.c[name] for name in ("source", "source_id", "started_at", "ended_at")]
    ours = attributed(scope, SUBSCRIPTION, *fields, where=SUBSCRIPTION.c.status.not_in(_NEVER_RAN))
    until = periods.c.until
    runs = and_(ours.c.started_at < until, or_(ours.c.ended_at.is_(None), ours.c.ended_at >= until))
    theirs = and_(
        ITEM.c.source == ours.c.source,
        ITEM.c.subscription_source_id == ours.c.source_id,
        ITEM.c.usage_type == "licensed",
        ITEM.c.valid_from < until,
        or_(ITEM.c.valid_to.is_(None), ITEM.c.valid_to >= until),
        present(scope, ITEM),
    )
    whose = [periods.c.period, *marks_of(scope, ours), ours.c.account_id]
    each = (
        select(*whose, func.max(cast(ITEM.c.quantity, Double)).label("seats"))
        .select_from(periods.join(ours, runs).join(ITEM, theirs))
        .where(ours.c.account_id.is_not(None))
        .group_by(*whose, ours.c.source, ours.c.source_id)
        .cte("seats_of_subscriptions")
    )
    groups = [each.c.period, *marks_of(scope, each), each.c.account_id]
    return select(*groups, func.sum(each.c.seats).label("seats")).group_by(*groups).cte("seats")


def _used(scope: Scope) -> Select[Any]:
    """People active in the window over seats, of accounts whose people are known."""
    days = int(scope.settings["window_days"])
    periods = period_rows(
        scope,
        since=lambda period: period.end - timedelta(days=days),
        until=lambda period: period.end,
    )
    use = used_days(scope)
    someone = case((use.c.day >= periods.c.since, use.c.person))
    account = cast(use.c.account_id, String).label("account_id")  # as text it is joined by an index
    people = (
        select(periods.c.period, account, func.count(someone.distinct()).label("people"))
        .select_from(periods.join(use, use.c.day < periods.c.until))
        .where(use.c.person.is_not(None))
        .group_by(periods.c.period, use.c.account_id)
        .cte("people_of_accounts")
    )
    seats = _seats(scope)
    same = and_(people.c.period == seats.c.period, people.c.account_id == seats.c.account_id)
    both = (
        select(*seats.c, people.c.people)
        .select_from(seats.join(people, same))
        .where(seats.c.seats > 0)
        .cte("seats_and_people")
    )
    return quotient(scope, both, both.c.people, both.c.seats)


SEATS: tuple[Metric, ...] = (
    Metric(
        "seat_use_rate", "Seats in use", "ratio",
        "people active in the 28 days that end with the period ÷ seats of the subscriptions that "
        "run at its end",
        ("GitLab handbook, licence use",), _used,
        ("usage_day", "subscription", "subscription_item"), stage=("retention", "expansion"),
        family="engagement", settings={"window_days": 28}, spread="ratio", divides=True,
        bounds=(0.0, float("inf")),
        edge_cases="Of accounts of which any person was ever seen: where a source only knows the "
        "account, nothing is known of its seats. Seats are the units of a subscription's largest "
        "licensed item; several subscriptions add up. Above 1 more people use it than pay.",
    ),
)  # fmt: skip

"""MRR in SQL: stocks per account at two instants, movements and customers."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, FromClause, and_, case, func, literal, or_, select

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.sql.currency_conversion import convert_pairs
from cs_sync.metrics.sql.dialects import seconds_between
from cs_sync.metrics.sql.relations import (
    ACCOUNT,
    get_segment_columns,
    is_counted,
    is_known,
    select_period_rows,
)
from cs_sync.metrics.sql.segments import clamp_to_known, join_segments
from cs_sync_schemas import MrrSpan, get_table

SPAN = get_table(MrrSpan)


def select_mrr_pairs(
    scope: Scope,
    opens: Callable[[Period], datetime] = lambda period: period.starts_at,
    closes: Callable[[Period], datetime] = lambda period: period.ends_at,
) -> CTE:
    """Select the MRR just before `opens` and `closes` per period, account and currency.

    Columns: period, account_id, the segments, currency, prev, cur (minor units), between
    (the largest amount of a span begun since `opens`), seen (1 with any MRR before
    `opens`), had and has (1 for a customer then). Every customer before `closes` has a row.
    Converted amounts are at the rates of the closing.

    Args:
        scope: The periods, segments, policy and time of knowledge.
        opens: Period → the instant of the opening.
        closes: Period → the instant of the closing.
    """
    pairs = _select_own_pairs(scope, opens, closes)
    if scope.conversion is None or not scope.conversion.closing:
        return pairs
    return convert_pairs(scope.conversion, pairs)


def _select_own_pairs(
    scope: Scope, opens: Callable[[Period], datetime], closes: Callable[[Period], datetime]
) -> CTE:
    """Select the pairs in the accounts' own currencies."""
    periods = select_period_rows(
        scope,
        opens=opens,
        closes=closes,
        seen_at=lambda p: clamp_to_known(closes(p), scope.known_at),
    )
    first = _select_first_mrr(scope)
    running = and_(
        SPAN.c.account_id == first.c.account_id,
        SPAN.c.currency == first.c.currency,
        _is_policy_span(scope),
        SPAN.c.valid_from < periods.c.closes,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= periods.c.opens),
    )
    joined, segments = join_segments(
        scope,
        periods.join(first, first.c.first_at < periods.c.closes)
        .join(ACCOUNT, ACCOUNT.c.id == first.c.account_id)
        .outerjoin(SPAN, running),
        first.c.account_id,
        periods.c.seen_at,
    )
    groups = [periods.c.period, first.c.account_id, *segments, first.c.currency]
    pairs = (
        select(*groups, *build_stock_columns(periods, first))
        .select_from(joined)
        .where(is_counted())
        .group_by(*groups)
        .cte("mrr_pairs")
    )
    within = scope.policy.reactivation_within_days
    if within is None:
        return pairs
    own_spans = select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.valid_from, SPAN.c.valid_to)
    return reset_after_gaps(
        pairs, periods, own_spans.where(_is_policy_span(scope)).cte("mine"), within
    )


def reset_after_gaps(pairs: CTE, periods: CTE, spans: CTE, within: int) -> CTE:
    """Mark pairs begun after a gap over `within` days as never seen.

    Args:
        pairs: The pairs of `select_mrr_pairs`.
        periods: The periods with opens and closes.
        spans: Columns account_id, currency, valid_from, valid_to and, if `periods` has it,
            era.
        within: The longest gap of a reactivation, in days.
    """
    era = [spans.c.era] if "era" in spans.c else []
    whose = [*era, spans.c.account_id, spans.c.currency]
    before = func.lag(spans.c.valid_to).over(partition_by=whose, order_by=spans.c.valid_from)
    runs = select(*whose, spans.c.valid_from, before.label("before")).cte("runs")
    begins = and_(
        runs.c.valid_from >= periods.c.opens,
        runs.c.valid_from < periods.c.closes,
        seconds_between(runs.c.before, runs.c.valid_from) > within * 86_400,
        *(runs.c.era == periods.c.era for _ in era),
    )
    keys = [periods.c.period, runs.c.account_id, runs.c.currency]
    begun = select(*keys).distinct().select_from(periods.join(runs, begins)).cte("begun")
    same_pair = and_(
        *(begun.c[name] == pairs.c[name] for name in ("period", "account_id", "currency"))
    )
    anew = and_(begun.c.period.is_not(None), pairs.c.had == 0)
    columns = [
        case((anew, 0), else_=column).label("seen") if column.name == "seen" else column
        for column in pairs.c
    ]
    return select(*columns).select_from(pairs.outerjoin(begun, same_pair)).cte("pairs_anew")


def build_stock_columns(periods: CTE, first: CTE) -> list[ColumnElement[int]]:
    """Build prev, cur, between, seen, had and has of the spans in a period."""
    opens, closes = periods.c.opens, periods.c.closes
    since = case((SPAN.c.valid_from >= opens, SPAN.c.amount), else_=0)
    return [
        func.sum(case((_is_in_force(opens), SPAN.c.amount), else_=0)).label("prev"),
        func.sum(case((_is_in_force(closes), SPAN.c.amount), else_=0)).label("cur"),
        func.max(since).label("between"),
        func.max(case((first.c.paid_at < opens, 1), else_=0)).label("seen"),
        func.max(case((_is_in_force(opens), 1), else_=0)).label("had"),
        func.max(case((_is_in_force(closes), 1), else_=0)).label("has"),
    ]


def _is_policy_span(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for spans of the scope's policy, as known to the scope."""
    return and_(SPAN.c.policy == scope.policy.hash, is_known(scope, SPAN))


def _select_first_mrr(scope: Scope) -> CTE:
    """Select the first time as a customer and the first payment, per account and currency."""
    return (
        select(SPAN.c.account_id, SPAN.c.currency, *build_first_columns())
        .where(_is_policy_span(scope))
        .group_by(SPAN.c.account_id, SPAN.c.currency)
        .cte("first_mrr")
    )


def build_first_columns() -> list[ColumnElement[datetime]]:
    """Build first_at and paid_at: the first span, and the first with an amount above zero."""
    paid = case((SPAN.c.amount > 0, SPAN.c.valid_from))
    return [func.min(SPAN.c.valid_from).label("first_at"), func.min(paid).label("paid_at")]


def _is_in_force(moment: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition for a span in force just before a moment."""
    return and_(
        SPAN.c.valid_from < moment, or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= moment)
    )


def get_transient_mrr(scope: Scope, pairs: FromClause) -> ColumnElement[int]:
    """Return the largest MRR of an account that was no customer at either end.

    It is 0 where the policy drops such accounts.
    """
    if scope.policy.came_and_left == "dropped":
        return literal(0)
    return case((and_(pairs.c.had == 0, pairs.c.has == 0), pairs.c.between), else_=0)


def build_movements(pairs: FromClause) -> dict[str, ColumnElement[int]]:
    """Build the positive magnitude of each kind of movement, net over the period.

    Starts and ends are decided first. The first MRR is new, also after a free plan.
    """
    prev, cur, seen = pairs.c.prev, pairs.c.cur, pairs.c.seen
    started, ended = and_(pairs.c.had == 0, pairs.c.has == 1), pairs.c.has == 0
    lasted = and_(pairs.c.had == 1, pairs.c.has == 1)
    kinds: Mapping[str, tuple[ColumnElement[bool], ColumnElement[int]]] = {
        "new": (and_(seen == 0, prev == 0, cur > 0), cur),
        "reactivation": (and_(started, seen == 1), cur),
        "expansion": (and_(lasted, seen == 1, cur > prev), cur - prev),
        "contraction": (and_(lasted, cur < prev), prev - cur),
        "churn": (ended, prev),
    }
    return {kind: case((when, amount), else_=0) for kind, (when, amount) in kinds.items()}


def build_waterfall(scope: Scope, pairs: FromClause) -> dict[str, ColumnElement[int]]:
    """Build the movements, including accounts that started and churned within the period.

    They count as new (or reactivation) and as churn.
    """
    kinds, transient = build_movements(pairs), get_transient_mrr(scope, pairs)
    for kind, before in (("new", 0), ("reactivation", 1)):
        kinds[kind] = kinds[kind] + case((pairs.c.seen == before, transient), else_=0)
    kinds["churn"] = kinds["churn"] + transient
    return kinds


def select_customers(pairs: CTE, scope: Scope) -> CTE:
    """Select the customers per period and account, over all currencies.

    Columns: was (a customer at the opening), now (at the closing), paid and pays (with MRR
    above zero then), seen (with any MRR before the opening).
    """
    marks = get_segment_columns(scope, pairs)
    return (
        select(
            pairs.c.period,
            pairs.c.account_id,
            *marks,
            func.max(pairs.c.had).label("was"),
            func.max(pairs.c.has).label("now"),
            func.max(case((pairs.c.prev > 0, 1), else_=0)).label("paid"),
            func.max(case((pairs.c.cur > 0, 1), else_=0)).label("pays"),
            func.max(pairs.c.seen).label("seen"),
        )
        .group_by(pairs.c.period, pairs.c.account_id, *marks)
        .cte("customers")
    )

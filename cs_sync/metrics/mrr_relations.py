"""MRR in statements: per account at two instants, the movements between them, customers."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, FromClause, and_, case, func, or_, select

from cs_sync.metrics.conversion import converted
from cs_sync.metrics.membership import seen_at, with_segments
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.relations import ACCOUNT, counted, known, marks_of, period_rows
from cs_sync_schemas import MrrSpan, table_of

SPAN = table_of(MrrSpan)


def mrr_pairs(
    scope: Scope,
    opens: Callable[[Period], datetime] = lambda period: period.starts_at,
    closes: Callable[[Period], datetime] = lambda period: period.ends_at,
) -> CTE:
    """Per period, account and currency: MRR just before `opens` and just before `closes`.

    Columns: period, account_id, the segments, currency, prev, cur (minor units) and seen (1 when
    there was any MRR before `opens`). Everyone who had MRR before `closes` has a row. What the
    scope converts is at the rates of the closing.
    """
    pairs = _own_pairs(scope, opens, closes)
    if scope.conversion is None or not scope.conversion.closing:
        return pairs
    return converted(scope.conversion, pairs)


def _own_pairs(
    scope: Scope, opens: Callable[[Period], datetime], closes: Callable[[Period], datetime]
) -> CTE:
    """Pairs in the currencies in which the accounts pay."""
    periods = period_rows(
        scope, opens=opens, closes=closes, seen_at=lambda p: seen_at(closes(p), scope.known_at)
    )
    first = _first_mrr(scope)
    running = and_(
        SPAN.c.account_id == first.c.account_id,
        SPAN.c.currency == first.c.currency,
        _mine(scope),
        SPAN.c.valid_from < periods.c.closes,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= periods.c.opens),
    )
    joined, segments = with_segments(
        scope,
        periods.join(first, first.c.first_at < periods.c.closes)
        .join(ACCOUNT, ACCOUNT.c.id == first.c.account_id)
        .outerjoin(SPAN, running),
        first.c.account_id,
        periods.c.seen_at,
    )
    groups = [periods.c.period, first.c.account_id, *segments, first.c.currency]
    return (
        select(
            *groups,
            amount_at(periods.c.opens).label("prev"),
            amount_at(periods.c.closes).label("cur"),
            func.max(case((first.c.first_at < periods.c.opens, 1), else_=0)).label("seen"),
        )
        .select_from(joined)
        .where(counted())
        .group_by(*groups)
        .cte("mrr_pairs")
    )


def _mine(scope: Scope) -> ColumnElement[bool]:
    """Spans under the scope's policy, as known when it asks."""
    return and_(SPAN.c.policy == scope.policy.hash, known(scope, SPAN))


def _first_mrr(scope: Scope) -> CTE:
    """When each account first had MRR in each currency."""
    return (
        select(SPAN.c.account_id, SPAN.c.currency, func.min(SPAN.c.valid_from).label("first_at"))
        .where(_mine(scope))
        .group_by(SPAN.c.account_id, SPAN.c.currency)
        .cte("first_mrr")
    )


def amount_at(moment: ColumnElement[datetime]) -> ColumnElement[int]:
    """The amount of the span in force just before a moment."""
    holds = and_(
        SPAN.c.valid_from < moment, or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= moment)
    )
    return func.sum(case((holds, SPAN.c.amount), else_=0))


def movement(pairs: FromClause) -> dict[str, ColumnElement[int]]:
    """Each kind's positive magnitude per row of `pairs`; the cases with a zero come first."""
    prev, cur = pairs.c.prev, pairs.c.cur
    started, ended = and_(prev == 0, cur > 0), and_(prev > 0, cur == 0)
    lasted = and_(prev > 0, cur > 0)
    kinds: Mapping[str, tuple[ColumnElement[bool], ColumnElement[int]]] = {
        "new": (and_(started, pairs.c.seen == 0), cur),
        "reactivation": (and_(started, pairs.c.seen == 1), cur),
        "expansion": (and_(lasted, cur > prev), cur - prev),
        "contraction": (and_(lasted, cur < prev), prev - cur),
        "churn": (ended, prev),
    }
    return {kind: case((when, amount), else_=0) for kind, (when, amount) in kinds.items()}


def customers(pairs: CTE, scope: Scope) -> CTE:
    """Per period and account: had it MRR in any currency at the opening (`was`), has it at the
    closing (`now`), had it any before the opening (`seen`)?
    """
    marks = marks_of(scope, pairs)
    return (
        select(
            pairs.c.period,
            pairs.c.account_id,
            *marks,
            func.max(case((pairs.c.prev > 0, 1), else_=0)).label("was"),
            func.max(case((pairs.c.cur > 0, 1), else_=0)).label("now"),
            func.max(pairs.c.seen).label("seen"),
        )
        .group_by(pairs.c.period, pairs.c.account_id, *marks)
        .cte("customers")
    )

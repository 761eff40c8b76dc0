"""MRR in statements: per account at two instants, the movements between them, customers."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, FromClause, and_, case, func, literal, or_, select

from cs_sync.metrics.conversion import converted
from cs_sync.metrics.membership import seen_at, with_segments
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.portable import seconds_between
from cs_sync.metrics.relations import ACCOUNT, counted, known, marks_of, period_rows
from cs_sync_schemas import MrrSpan, table_of

SPAN = table_of(MrrSpan)


def mrr_pairs(
    scope: Scope,
    opens: Callable[[Period], datetime] = lambda period: period.starts_at,
    closes: Callable[[Period], datetime] = lambda period: period.ends_at,
) -> CTE:
    """Per period, account and currency: MRR just before `opens` and just before `closes`.

    Columns: period, account_id, the segments, currency, prev, cur (minor units), between (the most
    that spans came to which began since `opens`), seen (1 when there was any MRR before `opens`),
    had and has (1 for a customer then). Everyone who was a customer before `closes` has a row. What
    the scope converts is at the rates of the closing.
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
    pairs = (
        select(*groups, *stock_columns(periods, first))
        .select_from(joined)
        .where(counted())
        .group_by(*groups)
        .cte("mrr_pairs")
    )
    within = scope.policy.reactivation_within_days
    if within is None:
        return pairs
    mine = select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.valid_from, SPAN.c.valid_to)
    return begun_anew(pairs, periods, mine.where(_mine(scope)).cte("mine"), within)


def begun_anew(pairs: CTE, periods: CTE, spans: CTE, within: int) -> CTE:
    """The pairs, but what begins in a period after a gap of more than `within` days was never seen.

    `spans` has account_id, currency, valid_from, valid_to and, where `periods` has it, era.
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
    theirs = and_(
        *(begun.c[name] == pairs.c[name] for name in ("period", "account_id", "currency"))
    )
    anew = and_(begun.c.period.is_not(None), pairs.c.had == 0)
    columns = [
        case((anew, 0), else_=column).label("seen") if column.name == "seen" else column
        for column in pairs.c
    ]
    return select(*columns).select_from(pairs.outerjoin(begun, theirs)).cte("pairs_anew")


def stock_columns(periods: CTE, first: CTE) -> list[ColumnElement[int]]:
    """prev, cur, between, seen, had and has of the spans that touch a period."""
    opens, closes = periods.c.opens, periods.c.closes
    since = case((SPAN.c.valid_from >= opens, SPAN.c.amount), else_=0)
    return [
        func.sum(case((_holds(opens), SPAN.c.amount), else_=0)).label("prev"),
        func.sum(case((_holds(closes), SPAN.c.amount), else_=0)).label("cur"),
        func.max(since).label("between"),
        func.max(case((first.c.paid_at < opens, 1), else_=0)).label("seen"),
        func.max(case((_holds(opens), 1), else_=0)).label("had"),
        func.max(case((_holds(closes), 1), else_=0)).label("has"),
    ]


def _mine(scope: Scope) -> ColumnElement[bool]:
    """Spans under the scope's policy, as known when it asks."""
    return and_(SPAN.c.policy == scope.policy.hash, known(scope, SPAN))


def _first_mrr(scope: Scope) -> CTE:
    """When each account first was a customer in each currency, and when it first paid."""
    return (
        select(SPAN.c.account_id, SPAN.c.currency, *firsts())
        .where(_mine(scope))
        .group_by(SPAN.c.account_id, SPAN.c.currency)
        .cte("first_mrr")
    )


def firsts() -> list[ColumnElement[datetime]]:
    """first_at and paid_at of spans: of the first one, and of the first that is not for nothing."""
    paid = case((SPAN.c.amount > 0, SPAN.c.valid_from))
    return [func.min(SPAN.c.valid_from).label("first_at"), func.min(paid).label("paid_at")]


def _holds(moment: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a span is in force just before a moment."""
    return and_(
        SPAN.c.valid_from < moment, or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= moment)
    )


def came_and_left(scope: Scope, pairs: FromClause) -> ColumnElement[int]:
    """The most that an account came to which was no customer at either end of the period.

    Nothing where the policy drops them.
    """
    if scope.policy.came_and_left == "dropped":
        return literal(0)
    return case((and_(pairs.c.had == 0, pairs.c.has == 0), pairs.c.between), else_=0)


def movement(pairs: FromClause) -> dict[str, ColumnElement[int]]:
    """Each kind's positive magnitude per row of `pairs`, net between the ends of the period.

    Who comes and who goes is told first. The first MRR is new, also of who had a free plan.
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


def waterfall(scope: Scope, pairs: FromClause) -> dict[str, ColumnElement[int]]:
    """As `movement`, with those who came and left within the period: new (or returned) and lost."""
    kinds, gone = movement(pairs), came_and_left(scope, pairs)
    for kind, before in (("new", 0), ("reactivation", 1)):
        kinds[kind] = kinds[kind] + case((pairs.c.seen == before, gone), else_=0)
    kinds["churn"] = kinds["churn"] + gone
    return kinds


def customers(pairs: CTE, scope: Scope) -> CTE:
    """Per period and account: was it a customer in any currency at the opening (`was`), is it one
    at the closing (`now`), did it pay then (`paid`, `pays`), had it any MRR before the opening
    (`seen`)?
    """
    marks = marks_of(scope, pairs)
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

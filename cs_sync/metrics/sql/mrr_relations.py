"""MRR in SQL: stocks per account at two instants, movements and customers."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal,
    select,
    union_all,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.sql.currency_conversion import convert_pairs
from cs_sync.metrics.sql.dialects import seconds_between
from cs_sync.metrics.sql.mrr_stocks import (
    SPAN,
    STOCK,
    Stocks,
    get_earlier,
    get_later,
    get_stocks,
    list_turns,
)
from cs_sync.metrics.sql.relations import (
    get_period_columns,
    get_segment_columns,
    is_known,
    select_period_rows,
)
from cs_sync.metrics.sql.segments import clamp_to_known, join_segments
from cs_sync.metrics.sql.stock_groups import STOCK_GROUP


def select_mrr_pairs(
    scope: Scope,
    opens: Callable[[Period], datetime] = lambda period: period.starts_at,
    closes: Callable[[Period], datetime] = lambda period: period.ends_at,
) -> CTE:
    """Select the MRR just before `opens` and `closes`.

    There is a row per period, account and currency. Columns: period, account_id, the segments,
    currency, prev, cur (minor units), between (the largest amount of a span begun since `opens`),
    seen (1 with any MRR before `opens`), had and has (1 for a customer then). Every customer before
    `closes` has a row. Converted amounts are at the rates of the closing.

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
    stocks = get_stocks(scope, [at(period) for period in scope.periods for at in (opens, closes)])
    own, turns = stocks.relation, stocks.turns
    periods = select_period_rows(
        scope,
        opens=opens,
        closes=closes,
        first=lambda period: turns.index(opens(period)),
        last=lambda period: turns.index(closes(period)),
        seen_at=lambda period: clamp_to_known(closes(period), scope.known_at),
    )
    account_id, currency = own.c.account_id, own.c.currency
    adjacent = all(turns.index(closes(p)) == turns.index(opens(p)) + 1 for p in scope.periods)
    since = periods.c.last if adjacent else periods.c.first
    running = and_(own.c.since <= periods.c.last, own.c.until > since)
    joined, segments = join_segments(
        scope, periods.join(own, running), account_id, periods.c.seen_at
    )
    keys = [periods.c.period, account_id, *segments, currency]
    columns = _build_adjacent_columns(periods, own) if adjacent else _sum_stocks(periods, own)
    rows = select(*keys, *columns).select_from(joined)
    pairs = (rows if adjacent else rows.group_by(*keys)).cte("mrr_pairs")
    within = scope.policy.reactivation_within_days
    if within is None:
        return pairs
    own_spans = select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.valid_from, SPAN.c.valid_to)
    return reset_after_gaps(
        pairs, periods, own_spans.where(_is_policy_span(scope)).cte("mine"), within
    )


def _build_adjacent_columns(periods: CTE, own: FromClause) -> list[ColumnElement[int]]:
    """Build the pair's columns from the stock at a closing.

    The closing is the turn after the opening.
    """
    lasting = own.c.since < periods.c.last

    def build_stock(lasted: str, before: str) -> ColumnElement[int]:
        return case((lasting, own.c[lasted]), else_=own.c[before])

    return [
        build_stock("amount", "before").label("prev"),
        own.c.amount.label("cur"),
        case((lasting, 0), else_=own.c.peak).label("between"),
        build_stock("seen", "seen_before").label("seen"),
        build_stock("held", "held_before").label("had"),
        own.c.held.label("has"),
    ]


def _sum_stocks(periods: CTE, own: FromClause) -> list[ColumnElement[int]]:
    """Build the pair's columns from all stocks between opening and closing."""
    opening, closing = own.c.since <= periods.c.first, own.c.until > periods.c.last

    def sum_at(at: ColumnElement[bool], name: str, label: str) -> ColumnElement[int]:
        return func.sum(case((at, own.c[name]), else_=0)).label(label)

    return [
        sum_at(opening, "amount", "prev"),
        sum_at(closing, "amount", "cur"),
        func.max(case((opening, 0), else_=own.c.peak)).label("between"),
        sum_at(opening, "seen", "seen"),
        sum_at(opening, "held", "had"),
        sum_at(closing, "held", "has"),
    ]


def select_mrr_runs(scope: Scope) -> CTE:
    """Select the pairs of MRR, equal periods in a row as one.

    The pairs are those of `select_mrr_pairs`. In place of period it has `first` and `after`: it
    stands for the periods in between. `select_totals` and `select_customers` take it as they take
    pairs. Where a period's own rates, segments or gaps matter, it is the pairs themselves.
    """
    if not _are_runs_enough(scope):
        return select_mrr_pairs(scope)
    return _select_runs(scope, get_stocks(scope, list_turns(scope)))


def select_retention_runs(scope: Scope, opens: Callable[[Period], datetime]) -> CTE:
    """Select runs of the MRR at `opens` and at the period's end.

    Of the columns of `select_mrr_runs` it has prev and cur. Where the two instants are not equally
    far apart in all periods, or runs are not enough, it is the pairs of `select_mrr_pairs`; also
    where stocks are not shared, as each of its three looks at them would sweep all spans.
    """
    if not _are_runs_enough(scope):
        return select_mrr_pairs(scope, opens=opens)
    turns = [at for period in scope.periods for at in (opens(period), period.ends_at)]
    stocks = get_stocks(scope, turns)
    if stocks.relation is not STOCK:
        return select_mrr_pairs(scope, opens=opens)
    places = [stocks.turns.index(at) for at in turns]
    begins, lag = places[0], places[1] - places[0]
    if places != [at + index for index in range(len(scope.periods)) for at in places[:2]]:
        return select_mrr_pairs(scope, opens=opens)
    end = stocks.relation
    before = (
        select(end.c.account_id, end.c.currency, func.min(end.c.since).label("until"))
        .group_by(end.c.account_id, end.c.currency)
        .cte("mrr_beginnings")
    )
    start = end.alias("mrr_start")
    never, first = literal(0), literal(begins)
    parts = (
        _select_overlaid_runs(
            start, get_later(start.c.since, first), start.c.amount, end, lag, begins
        ),
        _select_overlaid_runs(before, first, never, end, lag, begins),
    )
    return union_all(*parts).cte("retention_runs")


def _select_overlaid_runs(
    start: FromClause,
    since: ColumnElement[int],
    amount: ColumnElement[int],
    end: FromClause,
    lag: int,
    begins: int,
) -> Select[Any]:
    """Select the runs with stocks at start and end."""
    first = get_later(since, end.c.since - lag)
    after = get_earlier(start.c.until, end.c.until - lag)
    same = and_(start.c.account_id == end.c.account_id, start.c.currency == end.c.currency)
    return select(
        (first - begins).label("first"), (after - begins).label("after"),
        end.c.account_id, end.c.currency, amount.label("prev"), end.c.amount.label("cur"),
    ).select_from(end.join(start, same)).where(after > first)  # fmt: skip


def select_grouped_runs(scope: Scope) -> CTE:
    """Select runs, those of accounts alike as one.

    They are those of `select_mrr_runs` unless groups are shared; then there is a column more,
    `accounts`. For what sums amounts up, and counts with `count_accounts`; nothing may multiply
    amounts.
    """
    if not _are_runs_enough(scope):
        return select_mrr_pairs(scope)
    stocks = get_stocks(scope, list_turns(scope))
    if stocks.relation is STOCK:
        stocks = Stocks(STOCK_GROUP, stocks.turns)
    return _select_runs(scope, stocks)


def _are_runs_enough(scope: Scope) -> bool:
    """Return whether no period has rates, segments or gaps of its own."""
    rates = scope.conversion is not None and scope.conversion.closing
    ends = [period.ends_at for period in scope.periods]
    in_a_row = [period.starts_at for period in scope.periods[1:]] == ends[:-1]
    return not (
        scope.by or rates or not in_a_row or scope.policy.reactivation_within_days is not None
    )


def _select_runs(scope: Scope, stocks: Stocks) -> CTE:
    own, begins = stocks.relation, stocks.turns.index(scope.periods[0].starts_at)
    counted = [own.c.accounts] if "accounts" in own.c else []
    changing = select(
        (own.c.since - 1 - begins).label("first"), (own.c.since - begins).label("after"),
        own.c.account_id, own.c.currency, own.c.before.label("prev"), own.c.amount.label("cur"),
        own.c.peak.label("between"), own.c.seen_before.label("seen"),
        own.c.held_before.label("had"), own.c.held.label("has"), *counted,
    ).where(own.c.since > begins)  # fmt: skip
    lasting = select(
        own.c.since - begins, own.c.until - 1 - begins, own.c.account_id, own.c.currency,
        own.c.amount, own.c.amount, literal(0), own.c.seen, own.c.held, own.c.held, *counted,
    ).where(own.c.until > own.c.since + 1, own.c.until > begins + 1)  # fmt: skip
    return union_all(changing, lasting).cte("mrr_runs")


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


def _is_policy_span(scope: Scope) -> ColumnElement[bool]:
    """Build the condition for spans of the scope's policy.

    As known to the scope.
    """
    return and_(SPAN.c.policy == scope.policy.hash, is_known(scope, SPAN))


def get_transient_mrr(scope: Scope, pairs: FromClause) -> ColumnElement[int]:
    """Get the largest MRR of accounts that came and left.

    They were customers at neither end. It is 0 where the policy drops such accounts.
    """
    if scope.policy.came_and_left == "dropped":
        return literal(0)
    return case((and_(pairs.c.had == 0, pairs.c.has == 0), pairs.c.between), else_=0)


def build_movements(pairs: FromClause) -> dict[str, ColumnElement[int]]:
    """Build each kind of movement's magnitude, net over the period.

    It is positive. Starts and ends are decided first. The first MRR is new, also after a free plan.
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

    A row may stand for a run of periods, and for as many accounts as its column `accounts` says.
    Columns: was (a customer at the opening), now (at the closing), paid and pays (with MRR above
    zero then), seen (with any MRR before the opening).
    """
    keys = [*get_period_columns(pairs), pairs.c.account_id, *get_segment_columns(scope, pairs)]
    counted = [func.max(pairs.c.accounts).label("accounts")] if "accounts" in pairs.c else []
    return (
        select(
            *keys,
            func.max(pairs.c.had).label("was"),
            func.max(pairs.c.has).label("now"),
            func.max(case((pairs.c.prev > 0, 1), else_=0)).label("paid"),
            func.max(case((pairs.c.cur > 0, 1), else_=0)).label("pays"),
            func.max(pairs.c.seen).label("seen"),
            *counted,
        )
        .group_by(*keys)
        .cte("customers")
    )

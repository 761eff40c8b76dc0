"""Input of the bridge: each account's MRR at both ends of a period, as reported."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    union_all,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.sql.currency_conversion import AmountSources, convert_pairs
from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync.metrics.sql.mrr_relations import (
    SPAN,
    build_first_columns,
    build_stock_columns,
    reset_after_gaps,
)
from cs_sync.metrics.sql.relations import ACCOUNT, is_counted, is_known_at, select_period_rows
from cs_sync.metrics.sql.segments import clamp_to_known, join_segments

NOW = datetime(9999, 1, 1, tzinfo=UTC)
"""Everything that is known now was known by then."""

_AMOUNT_SOURCES: AmountSources = {
    "opening": ("reported", "reported"),
    "stood": ("prev", "opening"),
    "prev": ("prev", "closing"),
    "cur": ("cur", "closing"),
    "between": ("between", "closing"),
}
_AMOUNTS = ("reported", "prev", "cur", "between")
_MARKS = ("seen", "had", "has")


def find_knowledge_time(scope: Scope, turn: date) -> datetime:
    """Return the knowledge time of the MRR before `turn`: the month's close, else now.

    A month before a closed one was closed with it.
    """
    closed = [closed_at for day, closed_at in scope.closed.items() if day >= turn]
    return min([*closed, scope.known_at or NOW])


def select_bridge_pairs(scope: Scope) -> CTE:
    """Select the MRR at both ends per period, account and currency.

    Columns: period, account_id, segment_0 … (at the closing), before_0 … (at the opening),
    currency; opening (as reported as closing), stood (as known at this closing), prev (the
    same at the rates of the closing), cur (the closing); between, seen, had and has as in
    `select_mrr_pairs`. Amounts are in minor units.
    """
    periods = _select_periods(scope)
    stocks = _select_stocks(scope, periods)
    if scope.policy.reactivation_within_days is not None:
        spans = _select_known_spans(scope)
        stocks = reset_after_gaps(stocks, periods, spans, scope.policy.reactivation_within_days)
    pairs = _join_end_segments(scope, periods, stocks)
    if scope.conversion is not None and scope.conversion.closing:
        return convert_pairs(scope.conversion, pairs, _AMOUNT_SOURCES)
    plain = [c for c in pairs.c if c.name not in (*_AMOUNTS, *_MARKS)]
    amounts = [pairs.c[amount].label(name) for name, (amount, _) in _AMOUNT_SOURCES.items()]
    return select(*plain, *amounts, *(pairs.c[mark] for mark in _MARKS)).cte("bridge_pairs")


def _select_periods(scope: Scope) -> CTE:
    eras = _list_knowledge_times(scope)

    def get_closing_knowledge(period: Period) -> datetime:
        return find_knowledge_time(scope, period.end)

    def get_opening_knowledge(period: Period) -> datetime:
        return find_knowledge_time(scope, period.start)

    return select_period_rows(
        scope,
        opens=lambda period: period.starts_at,
        closes=lambda period: period.ends_at,
        knew=get_opening_knowledge,
        knows=get_closing_knowledge,
        era=lambda period: eras.index(get_closing_knowledge(period)),
        opened_at=lambda period: clamp_to_known(period.starts_at, get_opening_knowledge(period)),
        closed_at=lambda period: clamp_to_known(period.ends_at, get_closing_knowledge(period)),
        learnt=lambda period: int(get_opening_knowledge(period) != get_closing_knowledge(period)),
    )


def _list_knowledge_times(scope: Scope) -> list[datetime]:
    """Return the distinct knowledge times of the periods' closings."""
    return sorted({find_knowledge_time(scope, period.end) for period in scope.periods})


def _select_stocks(scope: Scope, periods: CTE) -> CTE:
    """Select amounts and marks per period, account and currency, without conversion."""
    legs = [_select_as_known(scope, periods)]
    if any(
        find_knowledge_time(scope, p.start) != find_knowledge_time(scope, p.end)
        for p in scope.periods
    ):
        legs.append(_select_as_reported(scope, periods))
    if len(legs) == 1:
        return legs[0].cte("stocks")
    lines = union_all(*legs).cte("lines_of_stock")
    groups = [lines.c.period, lines.c.account_id, lines.c.currency]
    amounts = [func.sum(lines.c[name]).label(name) for name in _AMOUNTS]
    return (
        select(*groups, *amounts, *(func.max(lines.c[mark]).label(mark) for mark in _MARKS))
        .group_by(*groups)
        .cte("stocks")
    )


def _select_as_known(scope: Scope, periods: CTE) -> Select[Any]:
    """Select both ends as known at the closing.

    Without later changes the opening also counts as reported.
    """
    first = _select_first_mrr(scope)
    running = and_(
        SPAN.c.account_id == first.c.account_id,
        SPAN.c.currency == first.c.currency,
        _is_known(scope, periods.c.knows),
        SPAN.c.valid_from < periods.c.closes,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= periods.c.opens),
    )
    started = and_(first.c.era == periods.c.era, first.c.first_at < periods.c.closes)
    groups = [periods.c.period, first.c.account_id, first.c.currency]
    stocks = build_stock_columns(periods, first)
    return (
        select(
            *groups,
            (stocks[0] * (1 - func.max(periods.c.learnt))).label("reported"),
            *stocks,
        )
        .select_from(periods)
        .join(first, started)
        .join(ACCOUNT, ACCOUNT.c.id == first.c.account_id)
        .outerjoin(SPAN, running)
        .where(_is_counted(scope))
        .group_by(*groups)
    )


def _select_as_reported(scope: Scope, periods: CTE) -> Select[Any]:
    """Select the opening as known as the closing of the period before."""
    running = and_(
        _is_known(scope, periods.c.knew),
        SPAN.c.valid_from < periods.c.opens,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= periods.c.opens),
    )
    groups = [periods.c.period, SPAN.c.account_id, SPAN.c.currency]
    return (
        select(*groups, func.sum(SPAN.c.amount), *(literal(0) for _ in range(6)))
        .select_from(periods)
        .join(SPAN, running)
        .join(ACCOUNT, ACCOUNT.c.id == SPAN.c.account_id)
        .where(periods.c.learnt == 1, _is_counted(scope))
        .group_by(*groups)
    )


def _is_counted(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for counted accounts.

    Accounts merged later counted by themselves in the reported amounts.
    """
    return ACCOUNT.c.is_test.is_(False) if scope.closed else is_counted()


def _select_first_mrr(scope: Scope) -> CTE:
    """Select the first MRR per account and currency, for each knowledge time."""
    era = _select_knowledge_times(scope, "eras")
    groups = [era.c.era, SPAN.c.account_id, SPAN.c.currency]
    return (
        select(*groups, *build_first_columns())
        .select_from(era.join(SPAN, _is_known(scope, era.c["at"])))
        .group_by(*groups)
        .cte("first_mrr_known")
    )


def _select_known_spans(scope: Scope) -> CTE:
    """Select the spans for each knowledge time."""
    era = _select_knowledge_times(scope, "eras_of_spans")
    columns = [SPAN.c[name] for name in ("account_id", "currency", "valid_from", "valid_to")]
    is_visible = _is_known(scope, era.c["at"])
    return select(era.c.era, *columns).select_from(era.join(SPAN, is_visible)).cte("spans_known")


def _select_knowledge_times(scope: Scope, name: str) -> CTE:
    eras = [
        select(literal(number).label("era"), bind_instant(at).label("at"))
        for number, at in enumerate(_list_knowledge_times(scope))
    ]
    return (union_all(*eras) if len(eras) > 1 else eras[0]).cte(name)


def _is_known(scope: Scope, at: ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(SPAN.c.policy == scope.policy.hash, is_known_at(SPAN, at))


def _join_end_segments(scope: Scope, periods: CTE, stocks: CTE) -> CTE:
    """Join the segments at both ends to the stocks."""
    if not scope.by:
        return stocks
    joined: FromClause = stocks.join(periods, periods.c.period == stocks.c.period)
    account, columns = stocks.c.account_id, list[ColumnElement[str]]()
    for label, at, knowledge in (
        ("segment", "closed_at", "knows"),
        ("before", "opened_at", "knew"),
    ):
        joined, marks = join_segments(
            scope, joined, account, periods.c[at], label=label, known_at=periods.c[knowledge]
        )
        columns += marks
    return select(*stocks.c, *columns).select_from(joined).cte("stocks_in_segments")


def get_end_segments(scope: Scope, pairs: CTE, label: str) -> Sequence[ColumnElement[str]]:
    """Return the segment columns of one end.

    Args:
        scope: The scope with the attributes.
        pairs: The relation with the columns.
        label: `segment` for the closing, `before` for the opening.
    """
    return [pairs.c[f"{label}_{index}"] for index in range(len(scope.by))]

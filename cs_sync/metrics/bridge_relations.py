"""What the bridge is made of: each account's MRR at both ends of a period, as it was reported."""

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

from cs_sync.metrics.conversion import Worth, converted
from cs_sync.metrics.membership import seen_at, with_segments
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr_relations import SPAN, begun_anew, firsts, stock_columns
from cs_sync.metrics.periods import Period
from cs_sync.metrics.portable import instant
from cs_sync.metrics.relations import ACCOUNT, counted, period_rows

NOW = datetime(9999, 1, 1, tzinfo=UTC)
"""Everything that is known now was known by then."""

_WORTH: Worth = {
    "opening": ("reported", "reported"),
    "stood": ("prev", "opening"),
    "prev": ("prev", "closing"),
    "cur": ("cur", "closing"),
    "between": ("between", "closing"),
}
_AMOUNTS = ("reported", "prev", "cur", "between")
_MARKS = ("seen", "had", "has")


def knowledge(scope: Scope, turn: date) -> datetime:
    """When that was known what stands for the MRR just before a day: now, or at its closing.

    A month before a closed one was closed with it.
    """
    closed = [known for day, known in scope.closed.items() if day >= turn]
    return min([*closed, scope.known_at or NOW])


def bridge_pairs(scope: Scope) -> CTE:
    """Per period, account and currency: the MRR at both ends of the period.

    Columns: period, account_id, segment_0 … (at the closing), before_0 … (at the opening),
    currency; opening (as it was reported as closing), stood (as known at this closing), prev (the
    same at the rates of the closing), cur (the closing) and between, seen, had and has as in
    `mrr_pairs`.
    """
    periods = _periods(scope)
    stocks = _stocks(scope, periods)
    if scope.policy.reactivation_within_days is not None:
        spans = _known_spans(scope)
        stocks = begun_anew(stocks, periods, spans, scope.policy.reactivation_within_days)
    pairs = _in_segments(scope, periods, stocks)
    if scope.conversion is not None and scope.conversion.closing:
        return converted(scope.conversion, pairs, _WORTH)
    plain = [c for c in pairs.c if c.name not in (*_AMOUNTS, *_MARKS)]
    amounts = [pairs.c[amount].label(name) for name, (amount, _) in _WORTH.items()]
    return select(*plain, *amounts, *(pairs.c[mark] for mark in _MARKS)).cte("bridge_pairs")


def _periods(scope: Scope) -> CTE:
    eras = _eras(scope)

    def knows(period: Period) -> datetime:
        return knowledge(scope, period.end)

    def knew(period: Period) -> datetime:
        return knowledge(scope, period.start)

    return period_rows(
        scope,
        opens=lambda period: period.starts_at,
        closes=lambda period: period.ends_at,
        knew=knew,
        knows=knows,
        era=lambda period: eras.index(knows(period)),
        opened_at=lambda period: seen_at(period.starts_at, knew(period)),
        closed_at=lambda period: seen_at(period.ends_at, knows(period)),
        learnt=lambda period: int(knew(period) != knows(period)),
    )


def _eras(scope: Scope) -> list[datetime]:
    """The different states of knowledge at which periods were closed."""
    return sorted({knowledge(scope, period.end) for period in scope.periods})


def _stocks(scope: Scope, periods: CTE) -> CTE:
    """Amounts and marks per period, account and currency, nothing converted."""
    legs = [_as_known(scope, periods)]
    if any(knowledge(scope, p.start) != knowledge(scope, p.end) for p in scope.periods):
        legs.append(_as_reported(scope, periods))
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


def _as_known(scope: Scope, periods: CTE) -> Select[Any]:
    """Both ends as known at the closing; the opening counts as reported where nothing was learnt
    since."""
    first = _first_mrr(scope)
    running = and_(
        SPAN.c.account_id == first.c.account_id,
        SPAN.c.currency == first.c.currency,
        _known(scope, periods.c.knows),
        SPAN.c.valid_from < periods.c.closes,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= periods.c.opens),
    )
    started = and_(first.c.era == periods.c.era, first.c.first_at < periods.c.closes)
    groups = [periods.c.period, first.c.account_id, first.c.currency]
    stocks = stock_columns(periods, first)
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
        .where(_counted(scope))
        .group_by(*groups)
    )


def _as_reported(scope: Scope, periods: CTE) -> Select[Any]:
    """The opening as the closing of the period before it was known."""
    running = and_(
        _known(scope, periods.c.knew),
        SPAN.c.valid_from < periods.c.opens,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= periods.c.opens),
    )
    groups = [periods.c.period, SPAN.c.account_id, SPAN.c.currency]
    return (
        select(*groups, func.sum(SPAN.c.amount), *(literal(0) for _ in range(6)))
        .select_from(periods)
        .join(SPAN, running)
        .join(ACCOUNT, ACCOUNT.c.id == SPAN.c.account_id)
        .where(periods.c.learnt == 1, _counted(scope))
        .group_by(*groups)
    )


def _counted(scope: Scope) -> ColumnElement[bool]:
    """Accounts that were merged since then counted by themselves in what was reported."""
    return ACCOUNT.c.is_test.is_(False) if scope.closed else counted()


def _first_mrr(scope: Scope) -> CTE:
    """When each account first had MRR in each currency, to each state of knowledge."""
    era = _era_rows(scope, "eras")
    groups = [era.c.era, SPAN.c.account_id, SPAN.c.currency]
    return (
        select(*groups, *firsts())
        .select_from(era.join(SPAN, _known(scope, era.c["at"])))
        .group_by(*groups)
        .cte("first_mrr_known")
    )


def _known_spans(scope: Scope) -> CTE:
    """The spans in each state of knowledge."""
    era = _era_rows(scope, "eras_of_spans")
    columns = [SPAN.c[name] for name in ("account_id", "currency", "valid_from", "valid_to")]
    known = _known(scope, era.c["at"])
    return select(era.c.era, *columns).select_from(era.join(SPAN, known)).cte("spans_known")


def _era_rows(scope: Scope, name: str) -> CTE:
    eras = [
        select(literal(number).label("era"), instant(at).label("at"))
        for number, at in enumerate(_eras(scope))
    ]
    return (union_all(*eras) if len(eras) > 1 else eras[0]).cte(name)


def _known(scope: Scope, at: ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(
        SPAN.c.policy == scope.policy.hash,
        SPAN.c.known_from <= at,
        or_(SPAN.c.known_to.is_(None), SPAN.c.known_to > at),
    )


def _in_segments(scope: Scope, periods: CTE, stocks: CTE) -> CTE:
    """The stocks with the segments at both ends."""
    if not scope.by:
        return stocks
    joined: FromClause = stocks.join(periods, periods.c.period == stocks.c.period)
    account, columns = stocks.c.account_id, list[ColumnElement[str]]()
    for label, at, known in (("segment", "closed_at", "knows"), ("before", "opened_at", "knew")):
        joined, marks = with_segments(
            scope, joined, account, periods.c[at], label=label, known_at=periods.c[known]
        )
        columns += marks
    return select(*stocks.c, *columns).select_from(joined).cte("stocks_in_segments")


def marks(scope: Scope, pairs: CTE, label: str) -> Sequence[ColumnElement[str]]:
    """The columns of one end's segment."""
    return [pairs.c[f"{label}_{index}"] for index in range(len(scope.by))]

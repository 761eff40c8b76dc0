"""Input of the bridge: each account's MRR at both ends of a period, as reported."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    and_,
    case,
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
    reset_after_gaps,
    select_grouped_runs,
    select_mrr_runs,
)
from cs_sync.metrics.sql.mrr_stocks import (
    SPAN,
    find_turn,
    get_earlier,
    get_later,
    is_positive,
    list_turns,
    sum_steps,
    sweep_steps,
)
from cs_sync.metrics.sql.relations import is_counted, is_known_at, select_period_rows
from cs_sync.metrics.sql.segments import clamp_to_known, join_segments
from cs_sync_schemas.tables import ACCOUNT

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
    """Find the knowledge time of the MRR before `turn`.

    It is the month's close, else now. A month before a closed one was closed with it.
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
    return _name_amounts(pairs)


def select_bridge_runs(scope: Scope, *, by_account: bool) -> CTE:
    """Select the bridge's pairs, those of equal periods as one.

    And those of accounts alike. See `select_mrr_runs` and, unless by account,
    `select_grouped_runs`. Where months are closed, it is the pairs themselves.
    """
    if scope.closed or scope.by:
        return select_bridge_pairs(scope)
    runs = select_mrr_runs(scope) if by_account else select_grouped_runs(scope)
    if "period" in runs.c:
        return select_bridge_pairs(scope)
    columns = [column for column in runs.c if column.name not in _MARKS]
    marks = [runs.c[mark] for mark in _MARKS]
    reported = select(*columns, runs.c.prev.label("reported"), *marks)
    return _name_amounts(reported.cte("bridge_runs"))


def _name_amounts(pairs: CTE) -> CTE:
    """Name the amounts of unconverted pairs as the converted ones."""
    plain = [c for c in pairs.c if c.name not in (*_AMOUNTS, *_MARKS)]
    amounts = [pairs.c[amount].label(name) for name, (amount, _) in _AMOUNT_SOURCES.items()]
    return select(*plain, *amounts, *(pairs.c[mark] for mark in _MARKS)).cte("bridge_pairs")


def _select_periods(scope: Scope) -> CTE:
    eras = _list_knowledge_times(scope)
    turns = list_turns(scope)

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
        last=lambda period: turns.index(period.ends_at),
        opened_at=lambda period: clamp_to_known(period.starts_at, get_opening_knowledge(period)),
        closed_at=lambda period: clamp_to_known(period.ends_at, get_closing_knowledge(period)),
    )


def _list_knowledge_times(scope: Scope) -> list[datetime]:
    """Return the distinct knowledge times of the periods' closings."""
    return sorted({find_knowledge_time(scope, period.end) for period in scope.periods})


def _select_stocks(scope: Scope, periods: CTE) -> CTE:
    """Select amounts and marks per period, account and currency, without conversion.

    An opening counts as reported with what was known at the closing before, and as it stood with
    what is known at the closing.
    """
    swept = _sweep_as_known(scope)
    lasting = swept.c.since < periods.c.last

    def build_column(name: str, label: str) -> ColumnElement[int]:
        value = case((lasting, swept.c[name]), else_=swept.c[f"{name}_before"])
        return (value if name in ("amount", "stood") else is_positive(value)).label(label)

    reported = case((lasting, swept.c.amount), else_=swept.c.amount_before)
    running = and_(swept.c.since <= periods.c.last, swept.c.until > periods.c.last)
    return (
        select(
            periods.c.period,
            swept.c.account_id,
            swept.c.currency,
            build_column("amount", "reported"),
            build_column("stood", "prev"),
            swept.c.amount.label("cur"),
            case((lasting, 0), else_=swept.c.peak).label("between"),
            build_column("seen", "seen"),
            build_column("had", "had"),
            is_positive(swept.c.held).label("has"),
        )
        .select_from(periods.join(swept, running))
        .where(or_(swept.c.present > 0, reported > 0))
        .cte("stocks")
    )


def _sweep_as_known(scope: Scope) -> CTE:
    """Sweep the spans over the scope's turns as reported.

    Columns, besides those of `sweep_steps`: amount and held as known at the turn; stood, had and
    seen (the amount, a customer, any MRR before) as known at the next turn; present (spans known
    at the turn).
    """
    turns = list_turns(scope)
    end = len(turns)
    placed = _place_known_spans(scope, turns)
    p = placed.c
    zero, once = literal(0), literal(1)
    paid = is_positive(p.amount)
    whose = (p.account_id, p.currency)
    begin, stop = get_later(p.since, p.known), get_earlier(p.until, p.replaced)
    next_begin, next_stop = get_later(p.since, p.known - 1), get_earlier(p.until, p.replaced - 1)
    peak = case((and_(p.known <= p.since, p.since < p.replaced), p.amount), else_=0)
    counts, stands = begin < stop, next_begin < next_stop
    seen_until = p.replaced - 1
    names = ("amount", "held", "stood", "had", "seen", "present")
    rows: list[tuple[ColumnElement[int], dict[str, ColumnElement[int]], ColumnElement[bool]]] = [
        (begin, {"amount": p.amount, "held": once}, counts),
        (stop, {"amount": -p.amount, "held": -once}, counts),
        (next_begin, {"stood": p.amount, "had": once}, stands),
        (next_stop, {"stood": -p.amount, "had": -once}, stands),
        (next_begin, {"seen": paid}, next_begin < seen_until),
        (seen_until, {"seen": -paid}, next_begin < seen_until),
        (begin, {"present": once}, begin < p.replaced),
        (p.replaced, {"present": -once}, begin < p.replaced),
        (p.since, {"peak": peak}, peak > 0),
    ]
    events = union_all(
        *(
            select(
                *whose,
                turn.label("since"),
                *(change.get(name, zero).label(name) for name in (*names, "peak")),
            ).where(happens, turn < end)
            for turn, change, happens in rows
        )
    ).cte("mrr_events")
    return sweep_steps(sum_steps(events, names), names, end)


def _place_known_spans(scope: Scope, turns: Sequence[datetime]) -> CTE:
    """Place every version of every span between its turns.

    Those that see it, and those that know it.
    """
    knowledge = [
        find_knowledge_time(scope, day)
        for day in sorted({day for period in scope.periods for day in (period.start, period.end)})
    ]

    def find_place(at: ColumnElement[datetime], times: Sequence[datetime]) -> ColumnElement[int]:
        return find_turn(at, times, inclusive=times is knowledge)

    def place_end(at: ColumnElement[datetime], times: Sequence[datetime]) -> ColumnElement[int]:
        return case((at.is_(None), len(turns) + 1), else_=find_place(at, times))

    return (
        select(
            SPAN.c.account_id,
            SPAN.c.currency,
            SPAN.c.amount,
            find_place(SPAN.c.valid_from, turns).label("since"),
            place_end(SPAN.c.valid_to, turns).label("until"),
            find_place(SPAN.c.known_from, knowledge).label("known"),
            place_end(SPAN.c.known_to, knowledge).label("replaced"),
        )
        .select_from(SPAN.join(ACCOUNT, ACCOUNT.c.id == SPAN.c.account_id))
        .where(
            SPAN.c.policy == scope.policy.hash,
            SPAN.c.valid_from < bind_instant(turns[-1]),
            _is_counted(scope),
        )
        .cte("placed_spans")
    )


def _is_counted(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for counted accounts.

    Accounts merged later counted by themselves in the reported amounts.
    """
    return ACCOUNT.c.is_test.is_(False) if scope.closed else is_counted()


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


def get_end_segments(scope: Scope, pairs: FromClause, label: str) -> Sequence[ColumnElement[str]]:
    """Return the segment columns of one end.

    Args:
        scope: The scope with the attributes.
        pairs: The relation with the columns.
        label: `segment` for the closing, `before` for the opening.
    """
    return [pairs.c[f"{label}_{index}"] for index in range(len(scope.by))]

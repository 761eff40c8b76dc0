"""The sweep: MRR stocks at a window's turns, from the beginnings and ends of spans.

A turn is an instant at which a period begins or ends. Every span is an event at the first turn
that sees it and one at the first that sees it no more; sums over these in order of time are the
stocks. No account is looked at in a period in which nothing happened to it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    FunctionElement,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    and_,
    case,
    func,
    literal,
    select,
    union_all,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period, add_months, get_day_start
from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync.metrics.sql.relations import is_counted, is_known
from cs_sync_schemas.tables import ACCOUNT, MRR_SPAN

SPAN = MRR_SPAN
STOCK = Table(
    "mrr_stock",
    MetaData(),
    Column("account_id", String, primary_key=True),
    Column("currency", String, primary_key=True),
    Column("since", Integer, primary_key=True, autoincrement=False),
    Column("until", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in ("amount", "before", "peak")),
    *(Column(name, Integer, nullable=False) for name in ("held", "held_before")),
    *(Column(name, Integer, nullable=False) for name in ("seen", "seen_before")),
    prefixes=["TEMPORARY"],
)
"""Stocks shared by the statements of one connection: see `Scope.shared_turns`."""


class Stocks(Struct, frozen=True):
    """A relation of stocks, and the instants of its turns.

    Columns: account_id, currency; since and until (turns: from the first that sees it to the
    first that does not); amount (minor units), held (1 for a customer) and seen (1 with any MRR
    so far), and each of them before `since`; peak (the largest amount of a span that began
    between the turn `since` and the one before).
    """

    relation: FromClause
    turns: tuple[datetime, ...]


def get_stocks(scope: Scope, turns: Sequence[datetime]) -> Stocks:
    """Get stocks at these turns.

    The connection's shared ones where they have them all.
    """
    needed = tuple(sorted(set(turns)))
    if set(needed) <= set(scope.shared_turns):
        return Stocks(STOCK, scope.shared_turns)
    return Stocks(select_stocks(scope, needed).cte("mrr_stocks"), needed)


def list_turns(scope: Scope, months_back: Iterable[int] = ()) -> tuple[datetime, ...]:
    """List the instants at which periods begin or end, in order.

    Args:
        scope: The periods.
        months_back: So many months before the periods' ends are turns, too. If such a one would
            part a period, none is: runs of periods count turns.
    """
    own = {at for period in scope.periods for at in (period.starts_at, period.ends_at)}
    back = {get_months_before(p, months) for months in months_back for p in scope.periods}
    if any(turn > min(own) for turn in back - own):
        back = set()
    return tuple(sorted(own | back))


def get_months_before(period: Period, months: int) -> datetime:
    """Get the instant so many months before a period's end."""
    return get_day_start(add_months(period.end, -months), period.zone)


def select_stocks(scope: Scope, turns: Sequence[datetime]) -> Select[Any]:
    """Select the stocks of every counted account and currency; see `Stocks`.

    Args:
        scope: The policy and the time of knowledge.
        turns: The instants, in order.
    """
    placed = _select_placed_spans(scope, turns).cte("placed_spans")
    steps = _sum_events(placed, len(turns))
    cuts = union_all(select(steps), _select_cuts(placed, steps)).cte("mrr_cuts")
    swept = sweep_steps(cuts, ("amount", "held", "seen"), len(turns))
    flags = ("held", "held_before", "seen", "seen_before")
    return select(
        *(swept.c[name] for name in ("account_id", "currency", "since", "until", "amount")),
        swept.c.amount_before.label("before"),
        swept.c.peak,
        *(is_positive(swept.c[name]).label(name) for name in flags),
    )


def sweep_steps(steps: CTE, names: Sequence[str], end: int) -> CTE:
    """Sum steps up per account and currency in order of their turns.

    Args:
        steps: account_id, currency, since (a turn, once each), the named steps, and peak.
        names: The columns to sum up; each also comes as NAME_before, the sum before the turn.
        end: The number of turns.

    Returns:
        With `until`, the next turn with a step, or `end`.
    """
    whose = [steps.c.account_id, steps.c.currency]
    # There are no nulls; said, as BigQuery takes no other place of them in a window.
    in_time = steps.c.since.nulls_first()

    def sweep(step: FunctionElement[int]) -> ColumnElement[int]:
        # One window for all: LEAD takes no notice of the rows, but SQLite would pass them twice.
        return step.over(partition_by=whose, order_by=in_time, rows=(None, 0))

    following = sweep(func.lead(steps.c.since))
    so_far = {name: sweep(func.sum(steps.c[name])) for name in names}
    summed = select(
        *whose,
        steps.c.since,
        func.coalesce(following, end).label("until"),
        *(total.label(name) for name, total in so_far.items()),
        *(steps.c[name].label(f"{name}_step") for name in names),
        steps.c.peak,
    ).cte("mrr_summed")
    before = [(summed.c[name] - summed.c[f"{name}_step"]).label(f"{name}_before") for name in names]
    return select(summed, *before).cte("mrr_swept")


def _select_placed_spans(scope: Scope, turns: Sequence[datetime]) -> Select[Any]:
    """Select the spans between the turns that see them.

    Those that begin before the last turn. Columns: account_id, currency, amount, since, until.
    """
    ends = case((SPAN.c.valid_to.is_(None), len(turns)), else_=find_turn(SPAN.c.valid_to, turns))
    return _select_from_spans(
        scope,
        turns,
        SPAN.c.account_id,
        SPAN.c.currency,
        SPAN.c.amount,
        find_turn(SPAN.c.valid_from, turns).label("since"),
        ends.label("until"),
    )


def select_ordered_spans(scope: Scope, turns: Sequence[datetime]) -> Select[Any]:
    """Select the spans in the order in which they are swept.

    Columns: account_id, currency, amount, valid_from, valid_to.
    """
    names = ("account_id", "currency", "amount", "valid_from", "valid_to")
    spans = _select_from_spans(scope, turns, *(SPAN.c[name] for name in names))
    return spans.order_by(SPAN.c.account_id, SPAN.c.currency, SPAN.c.valid_from)


def _select_from_spans(
    scope: Scope, turns: Sequence[datetime], *columns: ColumnElement[Any]
) -> Select[Any]:
    """Select columns of counted spans that begin before the last turn."""
    visible = and_(SPAN.c.policy == scope.policy.hash, is_known(scope, SPAN))
    return (
        select(*columns)
        .select_from(SPAN.join(ACCOUNT, ACCOUNT.c.id == SPAN.c.account_id))
        .where(visible, is_counted(), SPAN.c.valid_from < bind_instant(turns[-1]))
    )


def find_turn(
    at: ColumnElement[datetime], turns: Sequence[datetime], *, inclusive: bool = False
) -> ColumnElement[int]:
    """Find the first turn after an instant.

    By a tree of comparisons.

    Args:
        at: The instant.
        turns: Instants, in order; some may be equal.
        inclusive: Return the first turn at the instant or after it.
    """

    def build(first: int, last: int) -> ColumnElement[int]:
        if first == last:
            return literal(first, literal_execute=True)
        middle = (first + last) // 2
        turn = bind_instant(turns[middle])
        earlier = at <= turn if inclusive else at < turn
        return case((earlier, build(first, middle)), else_=build(middle + 1, last))

    return build(0, len(turns))


def _sum_events(placed: CTE, end: int) -> CTE:
    """Sum what begins and ends per account, currency and turn."""
    paid = is_positive(placed.c.amount)
    whose = (placed.c.account_id, placed.c.currency)
    begun = select(
        *whose, placed.c.since, placed.c.amount, literal(1).label("held"), paid.label("seen"),
        placed.c.amount.label("peak"),
    )  # fmt: skip
    ended = select(
        *whose, placed.c.until, -placed.c.amount, literal(-1), literal(0), literal(0)
    ).where(placed.c.until < end)
    return sum_steps(union_all(begun, ended).cte("mrr_events"), ("amount", "held", "seen"))


def sum_steps(events: CTE, names: Sequence[str]) -> CTE:
    """Sum columns of events per account, currency and turn.

    With their highest peak.
    """
    keys = [events.c.account_id, events.c.currency, events.c.since]
    sums = [func.sum(events.c[name]).label(name) for name in names]
    peak = func.max(events.c.peak).label("peak")
    return select(*keys, *sums, peak).group_by(*keys).cte("mrr_steps")


def _select_cuts(placed: CTE, steps: CTE) -> Select[Any]:
    """Select cuts where only another of the account's currencies changes.

    So all stocks of an account begin and end at the same turns.
    """
    several = (
        select(placed.c.account_id)
        .group_by(placed.c.account_id)
        .having(func.min(placed.c.currency) != func.max(placed.c.currency))
        .cte("several_currencies")
    )
    own = (
        select(steps.c.account_id, steps.c.currency, func.min(steps.c.since).label("first"))
        .where(steps.c.account_id.in_(select(several.c.account_id)))
        .group_by(steps.c.account_id, steps.c.currency)
        .cte("own_currencies")
    )
    same = steps.alias("same_turn")
    others = and_(steps.c.account_id == own.c.account_id, steps.c.since > own.c.first)
    present = and_(
        same.c.account_id == own.c.account_id,
        same.c.currency == own.c.currency,
        same.c.since == steps.c.since,
    )
    nothing = (literal(0) for _ in range(4))
    return (
        select(own.c.account_id, own.c.currency, steps.c.since, *nothing)
        .distinct()
        .select_from(own.join(steps, others).outerjoin(same, present))
        .where(same.c.account_id.is_(None))
    )


def is_positive(number: ColumnElement[int]) -> ColumnElement[int]:
    """Return 1 for a positive number, else 0."""
    return case((number > 0, 1), else_=0)


def get_later(left: ColumnElement[int], right: ColumnElement[int]) -> ColumnElement[int]:
    """Get the later of two turns."""
    return case((left < right, right), else_=left)


def get_earlier(left: ColumnElement[int], right: ColumnElement[int]) -> ColumnElement[int]:
    """Get the earlier of two turns."""
    return case((left < right, left), else_=right)

"""Tables of use that the statements of one connection share, and the days that part their rows."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Date, MetaData, String, Table, case

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.dialects import bind_day
from cs_sync_schemas.tables import USAGE_DAY

OWNERS = ("account_id", "person", "whole")
NUMBERS = ("events", "sessions", "seconds")


def _define_shared_table(name: str, *columns: Column[Any]) -> Table:
    owners = (Column(owner, String) for owner in OWNERS)
    return Table(name, MetaData(), columns[0], *owners, *columns[1:], prefixes=["TEMPORARY"])


USED_DAY = _define_shared_table(
    "used_day", Column("day", Date), *(Column(name, USAGE_DAY.c[name].type) for name in NUMBERS)
)
"""Days of use, from which the tables that the statements of one connection share are made."""
USED_SPAN = _define_shared_table(
    "used_span",
    Column("day", Date, index=True),
    Column("someone", String),
    *(Column(name, BigInteger) for name in ("days", "records", "events", "sessions", "counted")),
)
"""Sums of the use between two edges (`Scope.shared_edges`): `day` is the first of them, `days` the
number of days of use, `counted` that of records with sessions. `someone` is null in rows that
`select_people_days` leaves out."""
TIMED_DAY = _define_shared_table(
    "timed_day",
    Column("day", Date),
    Column("someone", String),
    *(Column(name, USAGE_DAY.c[name].type) for name in ("sessions", "seconds")),
)
"""Days of use of which the time is known."""
SHARED = (USED_SPAN, TIMED_DAY)


def is_told_apart(scope: Scope, edges: Iterable[date | None]) -> bool:
    """Return whether shared sums tell apart what lies between these days."""
    return bool(scope.shared_edges) and {*edges} - {None} <= set(scope.shared_edges)


def list_edges(scope: Scope, windows: Iterable[int]) -> tuple[date, ...]:
    """List the days at which what metrics look at begins or ends.

    Periods, the time before them, and windows; in order.

    Args:
        scope: The periods.
        windows: Lengths of windows at the periods' ends, in days; they are compared with those
            before.
    """
    edges: set[date] = set()
    for period in scope.periods:
        back = [times * window for window in windows for times in (1, 2)]
        ends = (period.end.toordinal() - days for days in (*back, 2 * period.days))
        edges |= {period.start, period.end, *(date.fromordinal(max(1, end)) for end in ends)}
    return tuple(sorted(edges))


def find_edge(day: ColumnElement[date], edges: Sequence[date]) -> ColumnElement[Any]:
    """Find the last edge up to a day, by halving them."""
    if len(edges) == 1:
        return bind_day(edges[0])
    middle = len(edges) // 2
    before, after = (find_edge(day, part) for part in (edges[:middle], edges[middle:]))
    return case((day < bind_day(edges[middle]), before), else_=after)

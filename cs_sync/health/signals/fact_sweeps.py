"""Facts read once for many days: what a signal is of them at the end of each day."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from msgspec import Struct, field
from sqlalchemy import ColumnElement, Select, type_coerce

from cs_sync.health.scope import SignalScope
from cs_sync_schemas.times import Microseconds

T = TypeVar("T")
Facts = Any
"""What is known of an account, in the form of its sweep."""
Measured = tuple[float | None, datetime | date | None, int]
"""The value of a signal, the time of its newest fact, and the number of its facts."""
DayEnds = Sequence[SignalScope]
"""Scopes of the same accounts and time of knowledge, the oldest first."""


class FactSweep(Struct, frozen=True):
    """How the facts of all days are read, and measured at the end of one.

    `select` gives the rows of all accounts, account by account, with its id first; `collect` makes
    facts of the rows of one. `measure`, given a day, returns what facts say. With `select_newest`,
    which gives a source and its newest fact, accounts of such a source are measured without any
    facts, too, and the newest fact of their sources dates them.
    """

    name: str
    select: Callable[[DayEnds], Select[Any]]
    collect: Callable[[Iterable[Sequence[Any]]], Facts]
    measure: Callable[[SignalScope], Callable[[Facts], Measured | None]]
    select_newest: Callable[[SignalScope], Select[Any]] | None = None
    nothing: Facts = ()


class SweptFacts(Struct, frozen=True):
    """Facts by the name of their sweep and by account, and the sources that know each account."""

    sources: Mapping[str, frozenset[str]]
    facts: Mapping[str, Mapping[str, Facts]] = field(default_factory=dict)

    def measure_accounts(
        self, sweep: FactSweep, scope: SignalScope, newest: Mapping[str, T]
    ) -> Iterator[tuple[str, Measured]]:
        """Yield accounts with what facts say at a day's end.

        Args:
            sweep: One of those that were read.
            scope: The day.
            newest: Source → the time of its newest fact, if the sweep selects it.
        """
        measure, facts = sweep.measure(scope), self.facts[sweep.name]
        if sweep.select_newest is None:
            for account, own in facts.items():
                if (measured := measure(own)) is not None:
                    yield account, measured
            return
        for account, observed_at in list_covered(self.sources, newest):
            if (measured := measure(facts.get(account, sweep.nothing))) is not None:
                value, _, n = measured
                yield account, (value, observed_at, n)  # type: ignore[misc]


def list_covered(
    sources: Mapping[str, frozenset[str]], newest: Mapping[str, T]
) -> Iterator[tuple[str, T]]:
    """Yield covered accounts, and the newest fact of their sources.

    Args:
        sources: Account id → the sources that know it.
        newest: Source → the time of its newest fact.
    """
    dates: dict[frozenset[str], T | None] = {}
    for account, own in sources.items():
        if own not in dates:
            known: Any = (newest[source] for source in own if source in newest)
            dates[own] = max(known, default=None)
        observed = dates[own]
        if observed is not None:
            yield account, observed


def collect_facts(sweep: FactSweep, rows: Iterable[Sequence[Any]]) -> dict[str, Facts]:
    """Collect each account's facts from the rows of a sweep."""
    return {account: sweep.collect(own) for account, own in groupby(rows, itemgetter(0))}


def read_as_number(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Read an instant as microseconds since 1970: they compare fast."""
    return type_coerce(column, Microseconds())

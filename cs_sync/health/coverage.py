"""Coverage: a source of some facts knows its accounts, also those without any such fact."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Date, Select, Table, literal, select

from cs_sync.health.scope import SignalScope
from cs_sync.metrics.sql.relations import is_present


class Coverage(Struct, frozen=True):
    """The facts by which a source covers accounts: of these a missing one is a real 0.

    `moment` is the column that dates a fact. With `features` set, only sources that have
    reported one of them cover accounts.
    """

    table: Table
    moment: str
    features: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The table, and the features."""
        return " ".join((self.table.name, *self.features))

    @property
    def by_day(self) -> bool:
        """Whether the facts are known by the day."""
        return isinstance(self.table.c[self.moment].type, Date)


def select_first_fact(coverage: Coverage, source: str) -> Select[Any]:
    """Select when a source's first fact of a coverage happened.

    From then on it covers its accounts.
    """
    table = coverage.table
    moment = table.c[coverage.moment]
    first = _select_moment(coverage, source).order_by(moment)
    return first.where(table.c.feature.in_(coverage.features)) if coverage.features else first


def select_newest_fact(coverage: Coverage, source: str, scope: SignalScope) -> Select[Any]:
    """Select when a source's newest fact within a scope happened."""
    moment = coverage.table.c[coverage.moment]
    within = moment <= scope.day if coverage.by_day else moment < scope.until
    return _select_moment(coverage, source).where(within).order_by(moment.desc())


def _select_moment(coverage: Coverage, source: str) -> Select[Any]:
    """Select the moment of one fact, in the order of its index.

    The source is compared as an expression, or else its index were taken and everything sorted.
    """
    table = coverage.table
    from_source = (table.c.source + literal("")) == source
    return select(table.c[coverage.moment]).where(is_present(table, None), from_source).limit(1)


def select_any_fact(coverage: Coverage, source: str) -> Select[Any]:
    """Select one row if a source has any facts of the kind."""
    return select(literal(1)).where(coverage.table.c.source == source).limit(1)

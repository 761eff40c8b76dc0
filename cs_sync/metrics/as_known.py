"""Statements over records as they were known at an instant, in place of the tables as they are."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Alias, Column, CompoundSelect, FromClause, Select, Table, select, union_all
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from cs_sync.metrics.portable import instant
from cs_sync_schemas import history_of, known_from


def as_known(statement: Select[Any], known_at: datetime) -> Select[Any]:
    """The statement with every remembered table replaced by what was known at the instant.

    Whatever a metric reads, and however, it reads what it would have read then.
    """

    if all(history_of(table) is None for table in tables_read(statement)):
        return statement

    @cache
    def then(table: Table, name: str) -> FromClause | None:
        history = history_of(table)
        return (
            None if history is None else versions(table, history, known_at).subquery(f"{name}_then")
        )

    def replaced(element: Any, **_: Any) -> Any:
        if isinstance(element, Column):
            source = _replaced_source(element.table, then)
            return None if source is None else source.c[element.name]
        return _replaced_source(element, then)

    return cast(Select[Any], replacement_traverse(statement, {}, replaced))


def tables_read(statement: Select[Any]) -> Iterator[Table]:
    """Every table that a statement reads, wherever in it."""
    return (one for one in iterate(statement) if isinstance(one, Table))


def _replaced_source(
    source: Any, then: Callable[[Table, str], FromClause | None]
) -> FromClause | None:
    if isinstance(source, Table):
        return then(source, source.name)
    if isinstance(source, Alias) and isinstance(source.element, Table):
        return then(source.element, str(source.name))
    return None


def versions(table: Table, history: Table, known_at: datetime) -> CompoundSelect[Any]:
    """The version of each row that was known then: the one of now, or one of its past."""
    names = [column.name for column in table.c if column.name in history.c]
    at = instant(known_at)
    now = select(*(table.c[n] for n in names)).where(known_from(table) <= at)
    past = select(*(history.c[n] for n in names)).where(
        known_from(history) <= at, history.c.known_to > at
    )
    return union_all(now, past)

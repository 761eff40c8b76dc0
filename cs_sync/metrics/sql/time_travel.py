"""Time travel: statements over the records known at an instant."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    Alias,
    Column,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Table,
    and_,
    select,
    union_all,
)
from sqlalchemy.sql.visitors import replacement_traverse

from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync_schemas import get_history_table, get_known_from


def rewrite_as_of(statement: Select[Any], known_at: datetime) -> Select[Any]:
    """Rewrite a statement to read what was known at an instant.

    Every versioned table is replaced by its versions at the instant, wherever and however
    the statement reads it.
    """

    if all(get_history_table(table) is None for table in list_tables(statement)):
        return statement

    @cache
    def then(table: Table, name: str) -> FromClause | None:
        history = get_history_table(table)
        return (
            None
            if history is None
            else select_versions(table, history, known_at).subquery(f"{name}_then")
        )

    def replaced(element: Any, **_: Any) -> Any:
        if isinstance(element, Column):
            source = _replace_source(element.table, then)
            return None if source is None else source.c[element.name]
        return _replace_source(element, then)

    return cast(Select[Any], replacement_traverse(statement, {}, replaced))


def list_tables(statement: Select[Any]) -> Iterator[Table]:
    """Yield the tables read anywhere in a statement.

    What it repeats is looked at once.
    """
    seen: dict[int, Any] = {}
    waiting: list[Any] = [statement]
    while waiting:
        element = waiting.pop()
        if id(element) not in seen:
            seen[id(element)] = element
            if isinstance(element, Table):
                yield element
            else:
                waiting += element.get_children()


def _replace_source(
    source: Any, then: Callable[[Table, str], FromClause | None]
) -> FromClause | None:
    if isinstance(source, Table):
        return then(source, source.name)
    if isinstance(source, Alias) and isinstance(source.element, Table):
        return then(source.element, str(source.name))
    return None


def select_versions(table: Table, history: Table, known_at: datetime) -> CompoundSelect[Any]:
    """Select the version of each row known at an instant.

    Args:
        table: The table with the current rows.
        history: Its table of past versions.
        known_at: The instant.
    """
    names = [column.name for column in table.c if column.name in history.c]
    at = bind_instant(known_at)
    now = select(*(table.c[n] for n in names)).where(get_known_from(table) <= at)
    past = select(*(history.c[n] for n in names)).where(was_known_at(history, at))
    return union_all(now, past)


def was_known_at(history: Table, at: ColumnElement[datetime] | datetime) -> ColumnElement[bool]:
    """Return the condition for past versions known at an instant."""
    return and_(get_known_from(history) <= at, history.c.known_to > at)

"""Time travel: statements over the records known at an instant."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from msgspec import Struct
from sqlalchemy import (
    Alias,
    Column,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Table,
    and_,
    case,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import SelectBase
from sqlalchemy.sql.visitors import replacement_traverse

from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync_schemas import get_history_table, get_known_from

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When what still holds ends."""


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


def list_tables(statement: SelectBase) -> Iterator[Table]:
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


class KnownSpan(Struct, frozen=True):
    """From the first to the last of some times of knowledge."""

    first: datetime
    last: datetime


def select_spans(
    table: Table,
    columns: Mapping[str, ColumnElement[Any]],
    known: KnownSpan,
    where: ColumnElement[bool] | None = None,
) -> CompoundSelect[Any]:
    """Select all versions that are known at some of the times.

    A record that was deleted, or not yet seen, is not known. Besides the columns there are
    `known_from` and `known_to`, which is far off for what still holds.

    Args:
        table: A versioned table.
        columns: Expressions of its columns, by their labels.
        known: The times of knowledge.
        where: A condition on its columns.
    """
    history = cast(Table, get_history_table(table))
    condition = true() if where is None else where
    now, past = (
        _select_span(rows, ends, known).where(_move(condition, table, rows))
        for rows, ends in ((table, bind_instant(NEVER)), (history, history.c.known_to))
    )
    moved = (
        [_move(column, table, rows).label(name) for name, column in columns.items()]
        for rows in (table, history)
    )
    return union_all(
        *(part.add_columns(*own) for part, own in zip((now, past), moved, strict=True))
    )


def _select_span(rows: Table, ends: ColumnElement[Any], known: KnownSpan) -> Select[Any]:
    """Select from when until when each row is known."""
    begins: ColumnElement[Any] = get_known_from(rows)
    if "deleted_at" in rows.c:
        seen, gone = rows.c.first_seen_at, rows.c.deleted_at
        begins = case((seen > begins, seen), else_=begins)
        ends = case((gone < ends, gone), else_=ends)
    return select(begins.label("known_from"), ends.label("known_to")).where(
        begins <= known.last, ends > known.first
    )


def _move(expression: ColumnElement[Any], table: Table, rows: Table) -> ColumnElement[Any]:
    """Return an expression of a table's columns as one of another's."""

    def move(element: Any, **_: Any) -> Any:
        is_own = isinstance(element, Column) and element.table is table
        return rows.c[element.name] if is_own else None

    return cast("ColumnElement[Any]", replacement_traverse(expression, {}, move))

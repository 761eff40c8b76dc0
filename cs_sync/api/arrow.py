"""Arrow tables of dataclasses: the types of columns follow from the fields' annotations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as arrow

SIMPLE: Mapping[Any, Any] = {
    str: arrow.string(),
    bool: arrow.bool_(),
    int: arrow.int64(),
    float: arrow.float64(),
    date: arrow.date32(),
    datetime: arrow.timestamp("us", tz="UTC"),
}


def build_table(row_type: type[Any], rows: Sequence[Any]) -> arrow.Table:
    """Build a table of rows.

    The keys of a mapping become a column each.

    Args:
        row_type: A dataclass.
        rows: Its instances.
    """
    columns = dict(_build_columns(row_type, rows))
    return arrow.table(columns)


def _build_columns(row_type: type[Any], rows: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(row_type)
    for field in fields(row_type):
        hint, values = hints[field.name], [getattr(row, field.name) for row in rows]
        if get_origin(hint) is Mapping:
            kind = to_arrow_type(get_args(hint)[1])
            for key in dict.fromkeys(key for value in values for key in value):
                column = [value.get(key) for value in values]
                yield f"{field.name}.{key}", arrow.array(column, kind)
        else:
            plain = [_to_plain(value) for value in values]
            yield field.name, arrow.array(plain, to_arrow_type(hint))


def to_arrow_type(hint: Any) -> arrow.DataType:
    """Return the type of a column for an annotation.

    Raises:
        TypeError: There is none.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in SIMPLE:
        return SIMPLE[hint]
    if origin in (Union, UnionType):
        kinds = {argument for argument in arguments if argument is not NoneType}
        return to_arrow_type(float if kinds == {int, float} else kinds.pop())
    if origin is Literal:
        return to_arrow_type(type(arguments[0]))
    if origin is tuple:
        return arrow.list_(to_arrow_type(arguments[0]))
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return arrow.struct([(part.name, to_arrow_type(hints[part.name])) for part in fields(hint)])
    raise TypeError(f"no column can hold {hint}")


def _to_plain(value: Any) -> Any:
    """Return a value as Arrow takes it: dataclasses as their fields."""
    if isinstance(value, tuple):
        return [_to_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _to_plain(getattr(value, field.name)) for field in fields(value)}
    return value

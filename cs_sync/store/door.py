"""The door: a page of rows is checked against the one definition of its record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, Union, cast, get_args, get_origin

import orjson
from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import BigInteger
from typing_extensions import TypedDict

from cs_sync.contracts.source import Rejection, Row
from cs_sync_schemas import Record, table_of
from cs_sync_schemas.money import MOST_MINOR_UNITS

EARLIEST, LATEST = date(1970, 1, 1), date(2200, 12, 31)
"""Days that are believed: others stand for no time at all, or for a mistake."""
MOST_COUNTED = 2**31 - 1
MOST_EXACT = 10**18
DECIMALS = 40
NOT_CONTENT = frozenset({"updated_at", "raw"})
"""Fields that may change without the record meaning anything new."""

Tell = Callable[[Mapping[str, Any]], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Door:
    """What it takes for a row to be a record of one kind."""

    record: type[Record]
    adapter: TypeAdapter[list[dict[str, Any]]]
    """Checks rows and completes them with the defaults."""
    names: tuple[str, ...]
    filled: Mapping[str, Any]
    """Fields whose None means "not said", with the default that it becomes."""
    complete: Callable[[dict[str, Any]], None] | None
    """Fills in what follows from other fields, before the defaults are taken."""
    rule: Callable[[Mapping[str, Any]], str | None] | None


@cache
def door_of(record: type[Record]) -> Door:
    """The door for a record type, derived from its SQLModel fields."""
    fields = {n: f for n, f in record.model_fields.items() if n not in Record.ENGINE_FIELDS}
    defaults = {
        name: info.get_default(call_default_factory=True)
        for name, info in fields.items()
        if not info.is_required()
    }
    columns = table_of(record).columns
    types: dict[str, Any] = {
        name: _annotation(info, money=isinstance(columns[name].type, BigInteger))
        for name, info in fields.items()
    }
    types["raw"] = NotRequired[Any]
    shape = cast(Any, TypedDict)(f"{record.__name__}Row", types)
    shape.__pydantic_config__ = ConfigDict(
        extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False
    )
    return Door(
        record=record,
        adapter=TypeAdapter(cast(Any, list[shape])),  # type: ignore[valid-type]
        names=tuple(fields),
        filled={name: value for name, value in defaults.items() if value is not None},
        complete=record.complete if _defines(record, "complete") else None,
        rule=record.rule if _defines(record, "rule") else None,
    )


def _defines(record: type[Record], method: str) -> bool:
    """Whether a kind of record has its own version of a class method."""
    return getattr(record, method).__func__ is not getattr(Record, method).__func__


def _annotation(info: FieldInfo, *, money: bool) -> Any:
    """The field's type for a row: bounded, constraints kept; what is left out is None."""
    kept = [part for part in info.metadata if type(part).__name__ != "FieldInfoMetadata"]
    kind = _bounded(info.annotation, MOST_MINOR_UNITS if money else MOST_COUNTED)
    kind = Annotated[kind, *kept] if kept else kind
    return kind if info.is_required() else Annotated[kind | None, Field(default=None)]


def _bounded(annotation: Any, most: int) -> Any:
    """What both databases can hold and sums can count, and times that say their offset.

    A naive time is a time nobody knows.
    """
    if get_origin(annotation) in (Union, UnionType):
        parts = [_bounded(part, most) for part in get_args(annotation)]
        return Union[tuple(parts)]  # noqa: UP007 - built at run time
    return {
        int: Annotated[int, Field(ge=-most, le=most)],
        Decimal: Annotated[Decimal, Field(ge=-MOST_EXACT, le=MOST_EXACT, decimal_places=DECIMALS)],
        date: Annotated[date, Field(ge=EARLIEST, le=LATEST)],
        datetime: Annotated[AwareDatetime, Field(ge=_instant(EARLIEST), le=_instant(LATEST))],
    }.get(annotation, annotation)


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def admit(
    record: type[Record], rows: Sequence[Row]
) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """The rows that are records, complete and typed, and why the others are not."""
    door = door_of(record)
    rejected: list[Rejection] = []
    try:
        checked = door.adapter.validate_python(rows if isinstance(rows, list) else list(rows))
    except ValidationError as error:
        checked, rejected = _without_the_bad(door, rows, error)
    admitted, tell = [], _told_by(record, NOT_CONTENT)
    filled = tuple(door.filled.items())
    for row in checked:
        if door.complete:
            door.complete(row)
        for name, default in filled:
            if row[name] is None:
                row[name] = default
        reason = door.rule(row) if door.rule else None
        if reason:
            rejected.append(_rejection(record, row, "rule", reason))
            continue
        try:
            content = orjson.dumps(tell(row), default=str)
        except TypeError:
            rejected.append(_rejection(record, row, "text", "holds text that is not Unicode"))
            continue
        if b"\\u0000" in content:  # which PostgreSQL cannot store
            row = {name: _without_nul(value) for name, value in row.items()}
            content = orjson.dumps(tell(row), default=str)
        row["row_hash"] = _digest(content)
        admitted.append(row)
    return admitted, rejected


def storable(text: str) -> str:
    """The text as every database takes it: without NUL and halves of characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(part) for key, part in value.items()}
    return [_without_nul(part) for part in value] if isinstance(value, list) else value


def _without_the_bad(
    door: Door, rows: Sequence[Row], error: ValidationError
) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """The good rows, checked again without the bad ones; each bad one with all its reasons."""
    reasons: dict[int, list[str]] = {}
    for found in error.errors(include_url=False):
        index, *where = found["loc"]
        reasons.setdefault(int(index), []).append(_reason(where, found["msg"], found["input"]))
    good = [row for index, row in enumerate(rows) if index not in reasons]
    rejected = [
        _rejection(door.record, rows[index], "invalid", "; ".join(texts))
        for index, texts in sorted(reasons.items())
    ]
    return door.adapter.validate_python(good), rejected


def _reason(where: Sequence[int | str], message: str, given: Any) -> str:
    """The field, what is wrong with it, and what was given when that is short enough to help."""
    field = ".".join(str(part) for part in where)
    shown = "" if isinstance(given, dict | list | NoneType) else f" (got {str(given)[:60]!r})"
    return f"{field}: {message}{shown}" if field else f"{message}{shown}"


def _rejection(record: type[Record], row: Row, code: str, reason: str) -> Rejection:
    source_id = row.get("source_id")
    return Rejection(
        record=record,
        source_id=None if source_id is None else str(source_id),
        code=code,
        reason=reason,
        raw=row.get("raw", dict(row)),
    )


def content_hash(
    record: type[Record], row: Mapping[str, Any], ignoring: frozenset[str] = NOT_CONTENT
) -> str:
    """A digest of what a complete row says, the same for the same content however it was read."""
    return _digest(orjson.dumps(_told_by(record, ignoring)(row), default=str))


@cache
def _told_by(record: type[Record], ignoring: frozenset[str]) -> Tell:
    """Takes the values of the fields that matter out of a row, in the order of the fields."""
    return itemgetter(*(name for name in door_of(record).names if name not in ignoring))


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()

"""Validate a page of rows against the definition of their record type."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, Union, cast, get_args, get_origin

import orjson
from msgspec import Struct
from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import BigInteger
from typing_extensions import TypedDict

from cs_sync.contracts.source import Rejection, Row, get_received
from cs_sync.metrics.periods import get_day_start
from cs_sync_schemas import Record, get_table
from cs_sync_schemas.money import MAX_MINOR_UNITS

EARLIEST, LATEST = date(1970, 1, 1), date(2200, 12, 31)
"""Days that are believed: others stand for no time at all, or for a mistake."""
MAX_INTEGER = 2**31 - 1
MAX_DECIMAL = 10**18
MAX_DECIMAL_PLACES = 40
_MESSAGES = {"timezone_aware": "a naive datetime, without a timezone"}
"""What we say instead of pydantic, by its type of error."""
_DIGEST_BYTES = 16
_KEPT_DIGITS = 16
"""Of a digest, which is compared with that of the row's former content and with no other."""
NON_CONTENT_FIELDS = frozenset({"updated_at", "raw"})
"""Fields that may change without the record meaning anything new."""

ContentGetter = Callable[[Mapping[str, Any]], tuple[Any, ...]]


class RecordValidator(Struct, frozen=True):
    """The validation rules of one record type."""

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
def get_validator(record: type[Record]) -> RecordValidator:
    """Return the validator of a record type, derived from its SQLModel fields."""
    fields = {n: f for n, f in record.model_fields.items() if n not in Record.ENGINE_FIELDS}
    defaults = {
        # Not `get_default`: to learn what a factory takes, it reads the text of its signature.
        name: info.default_factory() if info.default_factory else info.default  # type: ignore[call-arg]
        for name, info in fields.items()
        if not info.is_required()
    }
    columns = get_table(record).columns
    types: dict[str, Any] = {
        name: _build_field_type(info, money=isinstance(columns[name].type, BigInteger))
        for name, info in fields.items()
    }
    types["raw"] = NotRequired[Any]
    shape = cast(Any, TypedDict)(f"{record.__name__}Row", types)
    shape.__pydantic_config__ = ConfigDict(
        extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False
    )
    return RecordValidator(
        record=record,
        adapter=TypeAdapter(cast(Any, list[shape])),  # type: ignore[valid-type]
        names=tuple(fields),
        filled={name: value for name, value in defaults.items() if value is not None},
        complete=record.complete if _has_override(record, "complete") else None,
        rule=record.rule if _has_override(record, "rule") else None,
    )


def _has_override(record: type[Record], method: str) -> bool:
    """Return whether a record type overrides a class method of Record."""
    return getattr(record, method).__func__ is not getattr(Record, method).__func__


def _build_field_type(info: FieldInfo, *, money: bool) -> Any:
    """Build the bounded row type of a field; None if left out."""
    metadata = [part for part in info.metadata if type(part).__name__ != "FieldInfoMetadata"]
    kind = _bound_type(info.annotation, MAX_MINOR_UNITS if money else MAX_INTEGER)
    kind = Annotated[kind, *metadata] if metadata else kind
    return kind if info.is_required() else Annotated[kind | None, Field(default=None)]


def _bound_type(annotation: Any, most: int) -> Any:
    """Bound a type to what both databases hold and sums can count.

    Times need an offset, as a naive time is ambiguous.
    """
    if get_origin(annotation) in (Union, UnionType):
        parts = [_bound_type(part, most) for part in get_args(annotation)]
        return Union[tuple(parts)]  # noqa: UP007 - built at run time
    if annotation is int:
        return Annotated[int, Field(ge=-most, le=most)]
    return _BOUNDED.get(annotation, annotation)


_BOUNDED: Mapping[Any, Any] = {
    Decimal: Annotated[
        Decimal, Field(ge=-MAX_DECIMAL, le=MAX_DECIMAL, decimal_places=MAX_DECIMAL_PLACES)
    ],
    date: Annotated[date, Field(ge=EARLIEST, le=LATEST)],
    datetime: Annotated[
        AwareDatetime,
        Field(ge=get_day_start(EARLIEST, "UTC"), le=get_day_start(LATEST, "UTC")),
    ],
}


def validate_rows(
    record: type[Record], rows: Sequence[Row]
) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Validate rows of one record type.

    Args:
        record: The record type.
        rows: Rows as mapped by the connector.

    Returns:
        The valid rows, complete, typed and with their `row_hash`, and a rejection of each other.
    """
    validator = get_validator(record)
    rejected: list[Rejection] = []
    try:
        checked = validator.adapter.validate_python(rows if isinstance(rows, list) else list(rows))
    except ValidationError as error:
        checked, rejected = _split_invalid(validator, rows, error)
    admitted, tell = [], _build_content_getter(record, NON_CONTENT_FIELDS)
    filled = tuple(validator.filled.items())
    for row in checked:
        if validator.complete:
            validator.complete(row)
        for name, default in filled:
            if row[name] is None:
                row[name] = default
        reason = validator.rule(row) if validator.rule else None
        if reason:
            rejected.append(_build_rejection(record, row, "rule", reason))
            continue
        try:
            content = orjson.dumps(tell(row), default=str)
        except TypeError:
            rejected.append(_build_rejection(record, row, "text", "holds text that is not Unicode"))
            continue
        if b"\\u0000" in content:  # which PostgreSQL cannot store
            row = {name: _replace_nul(value) for name, value in row.items()}
            content = orjson.dumps(tell(row), default=str)
        row["row_hash"] = _hash_bytes(content)
        admitted.append(row)
    return admitted, rejected


def make_storable(text: str) -> str:
    """Replace NUL and lone surrogates, which a database cannot store."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _replace_nul(value: Any) -> Any:
    if isinstance(value, str):
        return make_storable(value)
    if isinstance(value, dict):
        return {_replace_nul(key): _replace_nul(part) for key, part in value.items()}
    return [_replace_nul(part) for part in value] if isinstance(value, list) else value


def _split_invalid(
    validator: RecordValidator, rows: Sequence[Row], error: ValidationError
) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Return the valid rows, and each invalid one with its reasons."""
    reasons: dict[int, list[str]] = {}
    for issue in error.errors(include_url=False):
        index, *where = issue["loc"]
        reasons.setdefault(int(index), []).append(
            _describe_error(where, _MESSAGES.get(issue["type"], issue["msg"]), issue["input"])
        )
    good = [row for index, row in enumerate(rows) if index not in reasons]
    rejected = [
        _build_rejection(validator.record, rows[index], "invalid", "; ".join(texts))
        for index, texts in sorted(reasons.items())
    ]
    return validator.adapter.validate_python(good), rejected


def _describe_error(where: Sequence[int | str], message: str, value: Any) -> str:
    """Return the field, its error, and the given value if short."""
    field = ".".join(str(part) for part in where)
    shown = "" if isinstance(value, dict | list | NoneType) else f" (got {str(value)[:60]!r})"
    return f"{field}: {message}{shown}" if field else f"{message}{shown}"


def _build_rejection(record: type[Record], row: Row, code: str, reason: str) -> Rejection:
    source_id = row.get("source_id")
    return Rejection(
        record=record,
        source_id=None if source_id is None else str(source_id),
        code=code,
        reason=reason,
        raw=get_received(row) if "raw" in row else dict(row),
    )


def hash_content(
    record: type[Record], row: Mapping[str, Any], ignoring: frozenset[str] = NON_CONTENT_FIELDS
) -> str:
    """Return a digest of a complete row's content, equal for equal content.

    Args:
        record: The record type.
        row: A complete row.
        ignoring: Fields left out of the digest.
    """
    return _hash_bytes(orjson.dumps(_build_content_getter(record, ignoring)(row), default=str))


@cache
def _build_content_getter(record: type[Record], ignoring: frozenset[str]) -> ContentGetter:
    """Build a getter of a row's content fields, in field order."""
    return itemgetter(*(name for name in get_validator(record).names if name not in ignoring))


def _hash_bytes(content: bytes) -> str:
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()[:_KEPT_DIGITS]

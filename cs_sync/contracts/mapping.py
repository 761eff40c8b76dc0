"""Mapping of vendors' objects to rows; an object that fails affects no other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # a command that reads no source starts without the models
    from cs_sync_schemas import Record


Row = Mapping[str, Any]
"""The fields of one record, by name.

`raw` may hold the object as received, or a function that returns it: it is called only where the
object is kept.
"""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that could not be mapped; the engine keeps it for retries."""

    record: "type[Record]"
    source_id: str | None
    code: str
    reason: str
    raw: Any = None


Mapped = Row | Iterable["tuple[type[Record], Row] | Rejection"]
"""What becomes of one object: a row of the main record type, or anything of any type."""

T = TypeVar("T")

MAPPING_ERRORS = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What half an object, or one with impossible values, can raise anywhere."""


class MappingError(Exception):
    """An object that cannot become a record, with a code and a readable reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def get_raw_id(raw: Any) -> object:
    """Return an object's `id`, the usual name."""
    return raw.get("id")


def map_each(
    record: "type[Record]",
    raws: Iterable[Any],
    make: Callable[[Any], T],
    source_id: Callable[[Any], object] = get_raw_id,
) -> tuple[list[T], list[Rejection]]:
    """Map each object; return the results and a rejection for each failure.

    Args:
        record: The record type, for rejections.
        raws: The vendor's objects.
        make: Maps one object.
        source_id: Returns an object's id, for its rejection.
    """
    made: list[T] = []
    rejected: list[Rejection] = []
    for raw in raws:
        try:
            made.append(make(raw))
        except MappingError as error:
            rejected.append(
                Rejection(record, _find_source_id(source_id, raw), error.code, str(error), raw)
            )
        except MAPPING_ERRORS as error:
            reason = f"not shaped as documented: {type(error).__name__} {error}"
            rejected.append(
                Rejection(record, _find_source_id(source_id, raw), "malformed", reason, raw)
            )
    return made, rejected


def map_records(
    record: "type[Record]",
    raws: Iterable[Any],
    make: Callable[[Any], Mapped],
    source_id: Callable[[Any], object] = get_raw_id,
) -> "tuple[dict[type[Record], list[Row]], list[Rejection]]":
    """Map each object to rows by record type, or to rejections.

    Args:
        record: The main record type.
        raws: The vendor's objects.
        make: Maps one object.
        source_id: Returns an object's id, for its rejection.
    """
    made, rejected = map_each(
        record, raws, lambda raw: _list_outcomes(record, make(raw)), source_id
    )
    rows: list[Row] = []
    records = {record: rows}
    for outcomes in made:
        if isinstance(outcomes, dict):
            rows.append(outcomes)
            continue
        for outcome in outcomes:
            if isinstance(outcome, Rejection):
                rejected.append(outcome)
            else:
                kind, row = outcome
                records.setdefault(kind, []).append(row)
    return records, rejected


def _list_outcomes(
    record: "type[Record]", mapped: Mapped
) -> "dict[str, Any] | list[tuple[type[Record], Row] | Rejection]":
    """Return a row as it is, anything else as a list."""
    if isinstance(mapped, (dict, list)):  # which is quicker to tell than a mapping
        return mapped
    return [(record, mapped)] if isinstance(mapped, Mapping) else list(mapped)


def _find_source_id(source_id: Callable[[Any], object], raw: Any) -> str | None:
    try:
        value = source_id(raw)
    except MAPPING_ERRORS:
        return None
    return str(value) if isinstance(value, str | int) and value != "" else None

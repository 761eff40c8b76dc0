"""Mapping of vendors' objects to rows; an object that fails affects no other."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cs_sync.contracts.source import Rejection
from cs_sync_schemas import Record

T = TypeVar("T")

_MAPPING_ERRORS = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What half an object, or one with impossible values, can raise anywhere."""


class MappingError(Exception):
    """An object that cannot become a record, with a code and a readable reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def map_each(
    record: type[Record],
    raws: Iterable[Any],
    make: Callable[[Any], T],
    source_id: Callable[[Any], object] = lambda raw: raw.get("id"),
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
        except _MAPPING_ERRORS as error:
            reason = f"not shaped as documented: {type(error).__name__} {error}"
            rejected.append(
                Rejection(record, _find_source_id(source_id, raw), "malformed", reason, raw)
            )
    return made, rejected


def _find_source_id(source_id: Callable[[Any], object], raw: Any) -> str | None:
    try:
        value = source_id(raw)
    except _MAPPING_ERRORS:
        return None
    return str(value) if isinstance(value, str | int) and value != "" else None

"""From what a vendor sent to rows: one object that cannot be mapped costs that object only."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cs_sync.contracts.source import Rejection
from cs_sync_schemas import Record

T = TypeVar("T")

_HALF = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What half an object, or one with impossible values, can raise anywhere."""


class Unmappable(Exception):
    """An object that no record can be made of, with a code and the reason in words."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def map_each(
    record: type[Record],
    raws: Iterable[Any],
    make: Callable[[Any], T],
    source_id: Callable[[Any], object] = lambda raw: raw.get("id"),
) -> tuple[list[T], list[Rejection]]:
    """What `make` makes of each object, and a rejection for every one that it cannot make.

    `source_id` finds the id that the record would have had, for the rejection.
    """
    made: list[T] = []
    rejected: list[Rejection] = []
    for raw in raws:
        try:
            made.append(make(raw))
        except Unmappable as error:
            rejected.append(Rejection(record, _id(source_id, raw), error.code, str(error), raw))
        except _HALF as error:
            reason = f"not shaped as documented: {type(error).__name__} {error}"
            rejected.append(Rejection(record, _id(source_id, raw), "malformed", reason, raw))
    return made, rejected


def _id(source_id: Callable[[Any], object], raw: Any) -> str | None:
    try:
        found = source_id(raw)
    except _HALF:
        return None
    return str(found) if isinstance(found, str | int) and found != "" else None

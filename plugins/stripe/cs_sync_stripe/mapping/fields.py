"""Reading of single values from Stripe's objects, and rejection of unreadable ones."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from cs_sync import MappingError, Rejection, Row, map_each
from cs_sync_schemas import Record

Raw = dict[str, Any]
Mapped = tuple[type[Record], Row] | Rejection
CACHED_VALUES = 1024
"""Of amounts and times: an object and its parts have them in common, and a page its prices."""


class Lookup(Protocol):
    """Reads other objects for mappers."""

    def price(self, id: str, *, currencies: bool = False) -> Raw | None:
        """Return the price with its tiers, optionally in every currency.

        None if deleted.
        """
        ...

    def coupon(self, id: str, *, currencies: bool = False) -> Raw | None:
        """Return the coupon with its products, optionally in every currency.

        None if deleted.
        """
        ...


def map_or_reject(
    record: type[Record], raw: Any, mapper: Callable[[Raw], Iterable[Mapped]]
) -> list[Mapped]:
    """Map one object to records, or to exactly one rejection."""

    def map_whole(raw: Any) -> list[Mapped]:
        if not (isinstance(raw, dict) and isinstance(raw.get("id"), str) and raw["id"]):
            raise MappingError("missing_id", f"{type(raw).__name__} without an id")
        return list(mapper(raw))

    made, rejected = map_each(record, [raw], map_whole)
    return made[0] if made else list(rejected)


def require_field(raw: Raw, key: str) -> Any:
    """Return a required field.

    Raises:
        MappingError: The field is missing.
    """
    if (value := raw.get(key)) is None:
        raise MappingError("missing_field", f"{raw.get('object', 'object')} without {key}")
    return value


def require_id(raw: Raw, key: str) -> str:
    """Return the id in a required reference.

    Raises:
        MappingError: The reference is missing.
    """
    id = get_id(raw.get(key))
    return str(require_field(raw, key)) if id is None else id


def get_id(reference: Any) -> str | None:
    """Return the id of a reference, expanded or not."""
    id = reference.get("id") if isinstance(reference, dict) else reference
    return None if id is None else str(id)


@lru_cache(CACHED_VALUES)
def parse_timestamp(seconds: int | None) -> datetime | None:
    """Convert Unix seconds to an aware UTC time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@lru_cache(CACHED_VALUES, typed=True)
def parse_decimal(number: Any) -> Decimal | None:
    """Return the exact decimal as written, without binary rounding."""
    if number is None:
        return None
    return Decimal(number if isinstance(number, str) else str(number))


def read_amount(raw: Raw, name: str) -> Decimal | None:
    """Return `name_decimal`, which keeps fractions of a minor unit, else `name`."""
    fine = raw.get(f"{name}_decimal")
    return parse_decimal(raw.get(name) if fine is None else fine)


def build_dashboard_url(raw: Raw, room: str) -> str:
    """Return the object's URL in Stripe's dashboard."""
    mode = "" if raw.get("livemode", True) else "test/"
    return f"https://dashboard.stripe.com/{mode}{room}/{raw['id']}"

"""Reading of single values from Stripe's objects, and rejection of unreadable ones."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from cs_sync import Rejection, Row
from cs_sync_schemas import Record

Raw = dict[str, Any]
Mapped = tuple[type[Record], Row] | Rejection


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


class MappingError(Exception):
    """An object that cannot become a record, with a code and a readable reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def map_or_reject(
    record: type[Record], raw: Any, mapper: Callable[[Raw], Iterable[Mapped]]
) -> list[Mapped]:
    """Map one object to records, or to exactly one rejection."""
    id = raw.get("id") if isinstance(raw, dict) else None
    source_id = id if isinstance(id, str) and id else None
    try:
        if source_id is None:
            raise MappingError("missing_id", f"{type(raw).__name__} without an id")
        return list(mapper(raw))
    except MappingError as error:
        return [Rejection(record, source_id, error.code, error.reason, raw)]
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        # Half an object can break anywhere; the rest of the page must not suffer for it.
        reason = f"not shaped as Stripe describes it: {type(error).__name__} {error}"
        return [Rejection(record, source_id, "malformed", reason, raw)]


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


def parse_timestamp(seconds: int | None) -> datetime | None:
    """Convert Unix seconds to an aware UTC time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


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

"""Reading single values out of Stripe's objects, and saying what cannot be read."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from cs_sync import Rejection, Row
from cs_sync_schemas import Record

Raw = dict[str, Any]
Mapped = tuple[type[Record], Row] | Rejection


class Lookup(Protocol):
    """What mappers may ask for beyond the object at hand."""

    def price(self, id: str, *, currencies: bool = False) -> Raw | None:
        """The price with its tiers, on demand with every currency; None when it is gone."""
        ...

    def coupon(self, id: str, *, currencies: bool = False) -> Raw | None:
        """The coupon with its products, on demand with every currency; None when it is gone."""
        ...


class Unmappable(Exception):
    """An object that no record can be made of, with a code and the reason in words."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def map_or_reject(
    record: type[Record], raw: Any, mapper: Callable[[Raw], Iterable[Mapped]]
) -> list[Mapped]:
    """All that the mapper makes of one object, or one rejection and nothing else of it."""
    id = raw.get("id") if isinstance(raw, dict) else None
    source_id = id if isinstance(id, str) and id else None
    try:
        if source_id is None:
            raise Unmappable("missing_id", f"{type(raw).__name__} without an id")
        return list(mapper(raw))
    except Unmappable as error:
        return [Rejection(record, source_id, error.code, error.reason, raw)]
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        # Half an object can break anywhere; the rest of the page must not suffer for it.
        reason = f"not shaped as Stripe describes it: {type(error).__name__} {error}"
        return [Rejection(record, source_id, "malformed", reason, raw)]


def need(raw: Raw, key: str) -> Any:
    """The value of a field that the record cannot do without."""
    if (value := raw.get(key)) is None:
        raise Unmappable("missing_field", f"{raw.get('object', 'object')} without {key}")
    return value


def need_id(raw: Raw, key: str) -> str:
    """The id of what a field refers to, which the record cannot do without."""
    id = id_of(raw.get(key))
    return str(need(raw, key)) if id is None else id


def id_of(reference: Any) -> str | None:
    """The id, whether or not the reference was expanded."""
    id = reference.get("id") if isinstance(reference, dict) else reference
    return None if id is None else str(id)


def moment(seconds: int | None) -> datetime | None:
    """Aware UTC from Unix seconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def exact(number: Any) -> Decimal | None:
    """The decimal that was written, without a detour through binary."""
    return None if number is None else Decimal(str(number))


def amount(raw: Raw, name: str) -> Decimal | None:
    """`name_decimal`, which keeps fractions of a minor unit, or `name`."""
    fine = raw.get(f"{name}_decimal")
    return exact(raw.get(name) if fine is None else fine)


def dashboard(raw: Raw, room: str) -> str:
    """Where a person can open the object."""
    mode = "" if raw.get("livemode", True) else "test/"
    return f"https://dashboard.stripe.com/{mode}{room}/{raw['id']}"

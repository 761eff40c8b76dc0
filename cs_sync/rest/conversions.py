"""Typed conversions of vendors' values to fields of records; pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import httpx

from cs_sync.contracts.mapping import MappingError
from cs_sync_schemas.money import CURRENCY_EXPONENT

Conversion = Literal[
    "text", "id", "number", "flag", "iso", "epoch_s", "epoch_ms", "day", "minor", "major",
    "host", "lower", "list",
]  # fmt: skip
MONEY: tuple[Conversion, ...] = ("minor", "major")
CONVERSIONS: tuple[str, ...] = get_args(Conversion)

_THREE_YEARS = 10**11
"""Milliseconds; in seconds that is the year 5138."""


def convert_id(value: Any) -> str:
    """Convert an id to text.

    JSON reads a number beyond 64 bits as one that is near it, so a fraction is not an id.
    """
    if isinstance(value, bool | float) or not isinstance(value, int | str):
        raise MappingError("bad_id", f"{value!r} is not an id")
    return str(value)


def convert_text(value: Any) -> str:
    """Convert a number or a text to text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise MappingError("bad_text", f"{str(value)[:80]!r} is not text")
    return str(value)


def convert_number(value: Any) -> Decimal:
    """Convert to an exact number, as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise MappingError("bad_number", f"{value!r} is not a number")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise MappingError("bad_number", f"{value!r} is not a number") from None
    if not number.is_finite():
        raise MappingError("bad_number", f"{value!r} is not a number")
    return number


def convert_flag(value: Any) -> bool:
    """Convert true, false and what vendors write for them."""
    flag = _FLAGS.get(str(value).lower())
    if flag is None:
        raise MappingError("bad_flag", f"{value!r} is neither true nor false")
    return flag


_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def convert_iso_time(value: Any, zone: ZoneInfo | None = None) -> datetime:
    """Convert an ISO 8601 time to UTC.

    `zone` is that of times without an offset.
    """
    if not isinstance(value, str):
        raise MappingError(
            "bad_time", f"{value!r} is not an ISO 8601 time; a number is epoch_s or epoch_ms"
        )
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise MappingError("bad_time", f"{value!r} is not an ISO 8601 time") from None
    if moment.tzinfo is None:
        if zone is None:
            raise MappingError("naive_time", f"{value!r} is naive: state the zone of such times")
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def convert_epoch(value: Any, divisor: int) -> datetime:
    """Convert a number since 1970 to UTC.

    The divisor is 1000 for milliseconds; fewer than those of three years are seconds by mistake.
    """
    number = convert_number(value)
    if divisor == 1000 and 0 < number < _THREE_YEARS:
        raise MappingError("bad_time", f"{value!r} is in 1970–72; in seconds it is epoch_s")
    try:
        return datetime.fromtimestamp(float(number / divisor), UTC)
    except (OverflowError, OSError, ValueError):
        hint = "; in milliseconds it is epoch_ms" if divisor == 1 else ""
        raise MappingError("bad_time", f"{value!r} is not a time since 1970{hint}") from None


def convert_day(value: Any) -> date:
    """Convert the beginning of an ISO 8601 text to a day."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise MappingError("bad_day", f"{value!r} is not a day") from None


def convert_minor_units(value: Any, *, whole: bool) -> Decimal | int:
    """Convert an amount in minor units.

    A field of whole ones takes no fraction.
    """
    return _require_whole(convert_number(value), value) if whole else convert_number(value)


def convert_major_units(value: Any, currency: Any, *, whole: bool) -> Decimal | int:
    """Convert an amount in major units by the exponent of its currency."""
    code = str(currency or "").upper()
    if code not in CURRENCY_EXPONENT:
        raise MappingError("unknown_currency", f"{currency!r} is not an ISO 4217 currency")
    minor = convert_number(value).scaleb(CURRENCY_EXPONENT[code])
    return _require_whole(minor, f"{value} {code}") if whole else minor


def _require_whole(amount: Decimal, shown: object) -> int:
    if amount != amount.to_integral_value():
        raise MappingError("fraction", f"{shown!r} is not a whole number of minor units")
    return int(amount)


def convert_host(value: Any) -> str | None:
    """Convert a web address or a bare domain to its host."""
    text = convert_text(value).strip().lower()
    try:
        return httpx.URL(text if "//" in text else f"//{text}").host or None
    except httpx.InvalidURL:
        return None


def convert_list(value: Any) -> list[Any]:
    """Convert to a list without nulls, of one value too."""
    return [each for each in value if each is not None] if isinstance(value, list) else [value]


PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "id": convert_id,
    "text": convert_text,
    "number": convert_number,
    "flag": convert_flag,
    "epoch_s": lambda value: convert_epoch(value, 1),
    "epoch_ms": lambda value: convert_epoch(value, 1000),
    "day": convert_day,
    "host": convert_host,
    "lower": lambda value: convert_text(value).lower(),
    "list": convert_list,
}
"""Conversions that need the value alone."""

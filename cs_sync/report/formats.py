"""Formatting of numbers, money and dates; unknown values are a dash."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync_schemas.money import get_exponent, to_major_units

UNKNOWN = "–"
MINUS, THIN = "\u2212", "\u202f"
MIN_WHOLE_NUMBER = 1000
"""Larger numbers are shown without decimals."""
MIN_MILLIONS = 10_000_000
"""Larger amounts are shown in millions."""


def number(value: float | Decimal | int | None, decimals: int = 0) -> str:
    """Format a number with thousands separators and a typographic minus sign: 1,234.5."""
    if value is None:
        return UNKNOWN
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def money(minor: int | float | None, currency: str | None, *, exact: bool = False) -> str:
    """Format an amount in minor units: EUR 1,234 or EUR 12.35 M.

    Args:
        minor: The amount in minor units.
        currency: The currency code.
        exact: Show all decimals, as for small amounts.
    """
    if minor is None:
        return UNKNOWN
    code = currency or ""
    amount = to_major_units(minor, code)
    if not exact and abs(amount) >= MIN_MILLIONS:
        text = f"{number(amount / 1_000_000, 2)}\u00a0M"
    else:
        text = number(amount, get_exponent(code) if exact or abs(amount) < MIN_WHOLE_NUMBER else 0)
    return f"{code}\u00a0{text}" if code else text


def purse(amounts: Mapping[str, int]) -> str:
    """Format amounts (currency → minor units) of several currencies side by side."""
    return " + ".join(money(minor, code) for code, minor in sorted(amounts.items())) or UNKNOWN


def percent(ratio: float | None, decimals: int = 1) -> str:
    """Format a fraction as a percentage: 12.3 %."""
    return UNKNOWN if ratio is None else f"{number(ratio * 100, decimals)}{THIN}%"


def format_duration(seconds: float | None) -> str:
    """Format seconds in their two largest units: 3 d 4 h, 5 min 6 s."""
    if seconds is None:
        return UNKNOWN
    rest = round(abs(seconds))
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}\u00a0{unit}")
    return (MINUS if seconds < 0 else "") + " ".join(parts[:2])


def format_quantity(value: float | None, unit: str, currency: str | None) -> str:
    """Format a value in its unit.

    Args:
        value: The value; money in minor units.
        unit: A unit of the metric rows, or `times` for multiples like 3.1×.
        currency: The currency of money.
    """
    if value is None:
        return UNKNOWN
    if unit == "ratio":
        return percent(value)
    if unit == "money_minor":
        return money(value, currency)
    if unit == "times":
        return f"{number(value, 1)}×"
    if unit == "seconds":
        return format_duration(value)
    decimals = 0 if float(value).is_integer() or abs(value) >= MIN_WHOLE_NUMBER else 1
    return number(value, decimals) + (" days" if unit == "days" else "")


def format_change(now: float | None, before: float | None, unit: str, currency: str | None) -> str:
    """Format a difference with its sign.

    Fractions differ in percentage points, money in percent, other units in the number.

    Args:
        now: The current value.
        before: The earlier value.
        unit: The unit of both values.
        currency: The currency of money.
    """
    if now is None or before is None:
        return ""
    size = abs(now - before)
    if unit == "ratio":
        text = f"{number(size * 100, 1)}{THIN}pp"
    elif unit == "money_minor" and before > 0:
        text = percent(size / before)
    else:
        text = format_quantity(size, unit, currency)
    visible = any(digit in text for digit in "123456789")
    return ("±" if not visible else "+" if now > before else MINUS) + text


def counted(count: int, noun: str) -> str:
    """Format a count with its noun: 1 record, 2 records."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def points(value: float | None) -> str:
    """Format a number of points with its sign."""
    if value is None:
        return UNKNOWN
    rounded = round(value)
    return "±0" if rounded == 0 else f"{'+' if rounded > 0 else MINUS}{abs(rounded)}"


def format_period(start: Any, end: Any) -> str:
    """Format the half-open period [start, end): Oct 2026, 2026, 3 Nov 2026."""
    first, after = parse_date(start), parse_date(end)
    last = after - timedelta(days=1)
    if first == last:
        return day(first)
    if first.day == 1 and after.day == 1:
        months = (after.year - first.year) * 12 + after.month - first.month
        if months == 1:
            return f"{first:%b %Y}"
        if months == 12 and first.month == 1:
            return f"{first:%Y}"
        return f"{first:%b %Y} to {last:%b %Y}"
    return f"{day(first)} to {day(last)}"


def day(value: date) -> str:
    """Format a date: 3 Nov 2026."""
    return f"{value.day}\u00a0{value:%b\u00a0%Y}"


def format_moment(value: datetime | None, zone: ZoneInfo) -> str:
    """Format an instant in the reporting zone: 3 Nov 2026 14:05."""
    if value is None:
        return "never"
    local = value.astimezone(zone)
    return f"{day(local.date())} {local:%H:%M}"


def parse_date(value: Any) -> date:
    """Return a date unchanged, or parse its ISO form."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))

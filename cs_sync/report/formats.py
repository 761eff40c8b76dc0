"""Numbers, money and days as people read them. Unknown is a dash."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync_schemas.money import CURRENCY_EXPONENT

UNKNOWN = "–"
MINUS, THIN = "\u2212", "\u202f"
WHOLE_FROM = 1000
"""Larger numbers are shown without decimals."""
MILLIONS_FROM = 10_000_000
"""Larger amounts are shown in millions."""


def number(value: float | Decimal | int | None, decimals: int = 0) -> str:
    """1,234.5 with a real minus sign."""
    if value is None:
        return UNKNOWN
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def major(minor: int | float, currency: str) -> Decimal:
    """The amount in units of the currency."""
    return Decimal(str(minor)).scaleb(-exponent(currency))


def exponent(currency: str) -> int:
    """Decimals of the currency; two where it is unknown."""
    return CURRENCY_EXPONENT.get(currency.upper(), 2)


def money(minor: int | float | None, currency: str | None, *, exact: bool = False) -> str:
    """EUR 1,234 or EUR 12.35 M; with all digits where `exact`, or where the amount is small."""
    if minor is None:
        return UNKNOWN
    code = currency or ""
    amount = major(minor, code)
    if not exact and abs(amount) >= MILLIONS_FROM:
        text = f"{number(amount / 1_000_000, 2)}\u00a0M"
    else:
        text = number(amount, exponent(code) if exact or abs(amount) < WHOLE_FROM else 0)
    return f"{code}\u00a0{text}" if code else text


def purse(amounts: Mapping[str, int]) -> str:
    """Amounts of several currencies side by side."""
    return " + ".join(money(minor, code) for code, minor in sorted(amounts.items())) or UNKNOWN


def percent(ratio: float | None, decimals: int = 1) -> str:
    """12.3 % of a fraction."""
    return UNKNOWN if ratio is None else f"{number(ratio * 100, decimals)}{THIN}%"


def duration(seconds: float | None) -> str:
    """The two largest units: 3 d 4 h, 5 min 6 s."""
    if seconds is None:
        return UNKNOWN
    rest = round(abs(seconds))
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}\u00a0{unit}")
    return (MINUS if seconds < 0 else "") + " ".join(parts[:2])


def quantity(value: float | None, unit: str, currency: str | None) -> str:
    """A value in its unit: those of the metrics' rows, and `times` for multiples like 3.1×."""
    if value is None:
        return UNKNOWN
    if unit == "ratio":
        return percent(value)
    if unit == "money_minor":
        return money(value, currency)
    if unit == "times":
        return f"{number(value, 1)}×"
    if unit == "seconds":
        return duration(value)
    decimals = 0 if float(value).is_integer() or abs(value) >= WHOLE_FROM else 1
    return number(value, decimals) + (" days" if unit == "days" else "")


def change(now: float | None, before: float | None, unit: str, currency: str | None) -> str:
    """The difference: percentage points for fractions, percent for money, else the number."""
    if now is None or before is None:
        return ""
    size = abs(now - before)
    if unit == "ratio":
        text = f"{number(size * 100, 1)}{THIN}pp"
    elif unit == "money_minor" and before > 0:
        text = percent(size / before)
    else:
        text = quantity(size, unit, currency)
    visible = any(digit in text for digit in "123456789")
    return ("±" if not visible else "+" if now > before else MINUS) + text


def counted(count: int, noun: str) -> str:
    """1 record, 2 records."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def points(value: float | None) -> str:
    """A signed number of points."""
    if value is None:
        return UNKNOWN
    rounded = round(value)
    return "±0" if rounded == 0 else f"{'+' if rounded > 0 else MINUS}{abs(rounded)}"


def period(start: Any, end: Any) -> str:
    """The half-open period [start, end) by its plain name: Oct 2026, 2026, 3 Nov 2026."""
    first, after = as_date(start), as_date(end)
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
    """3 Nov 2026."""
    return f"{value.day}\u00a0{value:%b\u00a0%Y}"


def moment(value: datetime | None, zone: ZoneInfo) -> str:
    """3 Nov 2026 14:05, in the reporting zone."""
    if value is None:
        return "never"
    local = value.astimezone(zone)
    return f"{day(local.date())} {local:%H:%M}"


def as_date(value: Any) -> date:
    """A date as it is, or from its ISO form."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))

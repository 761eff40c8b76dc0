"""Numbers, money, dates and durations as a language writes them; unknown values are a dash."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_compact_decimal, format_decimal
from babel.units import format_unit
from msgspec import Struct

from cs_sync.i18n import Translator
from cs_sync_schemas.money import get_exponent, to_major_units

UNKNOWN = "–"
MINUS = "\u2212"
MIN_WHOLE_NUMBER = 1000
"""Larger numbers are shown without decimals."""
MIN_MILLIONS = 10_000_000
"""Larger amounts are shown in millions."""
_ENGLISH = {"yMMMd": "d MMM y", "MMMd": "d MMM", "MMMEd": "EEE d MMM"}
"""Dates as tasks and reasons write them: 3 Nov 2026."""
_DURATIONS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class Formats(Struct, frozen=True):
    """The formats of one report: its language, time zone, and currency."""

    words: Translator
    zone: ZoneInfo
    currency: str

    def number(self, value: float | Decimal | int | None, decimals: int = 0) -> str:
        """Format a number with a typographic minus sign: 1,234.5."""
        if value is None:
            return UNKNOWN
        return _format_number(value, decimals, self.words.locale)

    def format_money(
        self, minor: float | None, currency: str | None = None, *, exact: bool = False
    ) -> str:
        """Format an amount in minor units: 1,234 EUR or 12.35M EUR.

        Args:
            minor: The amount in minor units.
            currency: The currency code; the report's by default.
            exact: Show all decimals, as for small amounts.
        """
        if minor is None:
            return UNKNOWN
        code = currency or self.currency
        return f"{_format_amount(minor, code, self.words.locale, exact=exact)}\u00a0{code}"

    def purse(self, amounts: Mapping[str, int]) -> str:
        """Format amounts (currency → minor units) of several currencies side by side."""
        return " + ".join(
            self.format_money(minor, code) for code, minor in sorted(amounts.items())
        ) or (UNKNOWN)

    def percent(self, ratio: float | None, decimals: int = 1) -> str:
        """Format a fraction as a percentage: 12.3%."""
        return UNKNOWN if ratio is None else _use_minus(self.words.percent(ratio, decimals))

    def format_duration(self, seconds: float | None) -> str:
        """Format seconds in their two largest units: 3 days, 4 hr."""
        if seconds is None:
            return UNKNOWN
        rest = round(abs(seconds))
        parts: list[str] = []
        for size, unit in _DURATIONS:
            count, rest = divmod(rest, size)
            if count or (unit == "second" and not parts):
                parts.append(
                    format_unit(count, f"duration-{unit}", "short", locale=self.words.locale)
                )
        return (MINUS if seconds < 0 else "") + " ".join(parts[:2]).replace(" ", "\u00a0")

    def quantity(self, value: float | None, unit: str, currency: str | None = None) -> str:
        """Format a value in its unit.

        Args:
            value: The value; money in minor units.
            unit: A unit of the metric rows, or `times` for multiples like 3.1×.
            currency: The currency of money.
        """
        if value is None:
            return UNKNOWN
        if unit == "ratio":
            return self.percent(value)
        if unit == "money_minor":
            return self.format_money(value, currency)
        if unit == "times":
            return f"{self.number(value, 1)}×"
        if unit == "seconds":
            return self.format_duration(value)
        decimals = 0 if float(value).is_integer() or abs(value) >= MIN_WHOLE_NUMBER else 1
        if unit == "days":
            days = int(value) if decimals == 0 else round(value, 1)
            return format_unit(days, "duration-day", "short", locale=self.words.locale)
        return self.number(value, decimals)

    def change(
        self, now: float | None, before: float | None, unit: str, currency: str | None = None
    ) -> str:
        """Format a difference with its sign.

        Fractions differ in percentage points, money in percent, other units in the number.
        """
        if now is None or before is None:
            return ""
        size = abs(now - before)
        if unit == "ratio":
            text = self.words("report.points", points=self.number(size * 100, 1))
        elif unit == "money_minor" and before > 0:
            text = self.percent(size / before)
        else:
            text = self.quantity(size, unit, currency)
        visible = any(digit in text for digit in "123456789")
        return ("±" if not visible else "+" if now > before else MINUS) + text

    def signed(self, value: float | None) -> str:
        """Format a whole number with its sign."""
        if value is None:
            return UNKNOWN
        rounded = int(round_half_up(value))
        return "±0" if rounded == 0 else f"{'+' if rounded > 0 else MINUS}{abs(rounded)}"

    def format_signed_money(self, minor: int) -> str:
        """Format an amount in the report's currency with its sign."""
        return ("+" if minor > 0 else "") + self.format_money(minor)

    def format_signed_units(self, minor: int) -> str:
        """Format whole units of the report's currency with a sign.

        A dash for zero.
        """
        amount = to_major_units(minor, self.currency)
        return ("+" if amount > 0 else "") + self.number(amount) if amount else UNKNOWN

    def format_units(self, minor: int) -> str:
        """Format an amount in whole units, without the currency's code.

        Of the report's currency.
        """
        return self.number(to_major_units(minor, self.currency))

    def day_range(self, start: date, end: date) -> str:
        """Format the days [start, end) without year: 1 Nov – 29 Nov."""
        return f"{self.short_day(start)} – {self.short_day(end - timedelta(days=1))}"

    def period(self, start: Any, end: Any) -> str:
        """Format the half-open period [start, end): Oct 2026, 2026, 3 Nov 2026."""
        first, after = parse_date(start), parse_date(end)
        last = after - timedelta(days=1)
        if first == last:
            return self.day(first)
        if first.day == 1 and after.day == 1:
            months = (after.year - first.year) * 12 + after.month - first.month
            if months == 1:
                return self.format_month(first)
            if months == 12 and first.month == 1:
                return _format_date(first, "y", self.words.locale)
            return f"{self.format_month(first)} – {self.format_month(last)}"
        return f"{self.day(first)} – {self.day(last)}"

    def day(self, value: date) -> str:
        """Format a date: Nov 3, 2026 in the language's order."""
        return _format_date(value, "yMMMd", self.words.locale)

    def short_day(self, value: date) -> str:
        """Format a date without its year."""
        return _format_date(value, "MMMd", self.words.locale)

    def format_weekday(self, value: date) -> str:
        """Format a date with its weekday, without its year."""
        return _format_date(value, "MMMEd", self.words.locale)

    def format_month(self, value: date) -> str:
        """Format a month: Oct 2026."""
        return _format_date(value, "yMMM", self.words.locale)

    def format_short_month(self, value: date) -> str:
        """Format a month without its year."""
        return _format_date(value, "MMM", self.words.locale)

    def format_moment(self, value: datetime | None) -> str:
        """Format an instant in the reporting zone; `never` for None."""
        if value is None:
            return self.words("report.never")
        local = value.astimezone(self.zone)
        time = format_time(local, "HH:mm", locale=self.words.locale)
        return f"{self.day(local.date())}\u00a0{time}"

    def local_day(self, value: datetime) -> date:
        """Return the day of an instant in the reporting zone."""
        return value.astimezone(self.zone).date()


def parse_date(value: Any) -> date:
    """Return a date unchanged, or parse its ISO form."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def round_half_up(value: float | Decimal, decimals: int = 0) -> Decimal:
    """Round half away from zero, as people do.

    What is rounded to zero has no sign.
    """
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0


def _use_minus(text: str) -> str:
    return text.replace("-", MINUS)


# The same days and amounts come back for many accounts: each is formatted once.
@lru_cache(maxsize=8192)
def _format_amount(minor: float, code: str, locale: Locale, *, exact: bool) -> str:
    amount = to_major_units(minor, code)
    if not exact and abs(amount) >= MIN_MILLIONS:
        return _use_minus(format_compact_decimal(amount, locale=locale, fraction_digits=2))
    small = exact or 0 < abs(amount) < MIN_WHOLE_NUMBER
    return _format_number(amount, get_exponent(code) if small else 0, locale)


def _format_number(value: float | Decimal, decimals: int, locale: Locale) -> str:
    digits = "#,##0" + ("." + "0" * decimals if decimals else "")
    return _format_digits(round_half_up(value, decimals), digits, locale)


@lru_cache(maxsize=8192)
def _format_digits(value: Decimal, pattern: str, locale: Locale) -> str:
    return _use_minus(format_decimal(value, pattern, locale))


@lru_cache(maxsize=8192)
def _format_date(value: date, skeleton: str, locale: Locale) -> str:
    pattern = _ENGLISH.get(skeleton) if locale.language == "en" else None
    text = (
        format_date(value, pattern, locale)
        if pattern
        else format_skeleton(skeleton, value, locale=locale)
    )
    return text.replace(" ", "\u00a0")

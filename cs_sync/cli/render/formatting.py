"""Formatting of single values for the terminal; customers' texts are never markup."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from rich.text import Text

from cs_sync.metrics.display_units import get_display_unit
from cs_sync_schemas.money import format_amount

NO_VALUE = "–"
BAND_STYLE = {
    "red": "red",
    "yellow": "yellow",
    "green": "green",
    "excellent": "bold green",
    "insufficient": "bright_black",
}
STATUS_STYLE = {"ok": "green", "partial": "yellow", "failed": "red", "interrupted": "red"}
_HOUR, _DAY = 3600, 86400


def make_text(value: str, style: str = "") -> Text:
    """Return plain text without terminal control characters."""
    return Text(strip_control_characters(value, lines=False), style=style)


def strip_control_characters(value: str, *, lines: bool = True) -> str:
    """Return the text without terminal control characters; `lines` keeps line ends."""
    allowed = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in allowed else " " * c.isspace() for c in value)


def format_cell(value: Any) -> Text:
    """Format any value for a table."""
    if value is None or value in ("", [], {}, ()):
        return make_text(NO_VALUE, "dim")
    if isinstance(value, bool):
        return make_text("yes" if value else "no")
    if isinstance(value, datetime):
        return make_text(value.strftime("%Y-%m-%d %H:%M%z").replace("+0000", "Z"))
    if isinstance(value, date):
        return make_text(value.isoformat())
    if isinstance(value, Mapping):
        return make_text(
            ", ".join(f"{k}: {NO_VALUE if v is None else v}" for k, v in value.items())
        )
    if isinstance(value, list | tuple):
        return make_text(", ".join(map(str, value)))
    return make_text(str(value))


def format_money(minor: float | None, currency: str | None) -> str:
    """Format an amount in minor units, or a dash for none."""
    return NO_VALUE if minor is None else format_amount(minor, currency)


def format_amounts(by_currency: Mapping[str, float] | None) -> str:
    """Format amounts of several currencies (currency → minor units), largest first."""
    if not by_currency:
        return NO_VALUE
    ordered = sorted(by_currency.items(), key=lambda item: (-item[1], item[0]))
    return " + ".join(format_money(minor, currency) for currency, minor in ordered)


def format_quantity(value: float | None, unit: str, currency: str | None = None) -> str:
    """Format a metric's value in its unit.

    Ratio 0.25 → 25.0 %, times 3 → 3.0×, money with its currency, None → –.
    """
    if value is None:
        return NO_VALUE
    if unit == "times":
        return f"{value:,.1f}×"
    if unit == "ratio":
        return f"{value * 100:.1f} %"
    if unit == "money_minor":
        return format_money(value, currency)
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    if unit == "seconds":
        return f"{value:.2f} s" if 0 < value < 1 else format_duration(value)
    if unit == "days":
        return f"{value:,.1f} d"
    return f"{value:,.1f}"


def format_difference(value: float, unit: str, currency: str | None = None) -> str:
    """Format a signed change; ratios in percentage points."""
    sign = "+" if value > 0 else "-" if value < 0 else "±"
    size = format_quantity(abs(value), unit, currency)
    return sign + (size.replace("%", "pp") if unit == "ratio" else size)


def format_duration(seconds: float) -> str:
    """Format seconds for people: 12 s, 3 min, 5.2 h, 2.0 d."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:.1f} d"


def format_period(start: date | str, end: date | str) -> str:
    """Format a half-open period: 2026, 2026-10, or its first and last day."""
    first, after = date.fromisoformat(str(start)), date.fromisoformat(str(end))
    months = (after.year - first.year) * 12 + after.month - first.month
    if first.day == after.day == 1 and months == 1:
        return f"{first:%Y-%m}"
    if first.day == after.day == 1 and months == 12 and first.month == 1:
        return f"{first:%Y}"
    last = after - timedelta(days=1)
    return f"{first}" if last == first else f"{first} … {last}"


def get_row_unit(row: Mapping[str, Any]) -> str:
    """Return the display unit of a metric's row."""
    return get_display_unit(str(row.get("metric")), str(row.get("unit")))


def format_sample(row: Mapping[str, Any]) -> Text:
    """Format a metric's sample size and confidence interval."""
    parts = []
    if row.get("n") is not None:
        parts.append(f"n={row['n']:,}")
    low, high = row.get("low"), row.get("high")
    if low is not None and high is not None:
        unit, currency = get_row_unit(row), row.get("currency")
        parts.append(
            f"{format_quantity(low, unit, currency)} … {format_quantity(high, unit, currency)}"
        )
    return make_text(", ".join(parts), "dim")


def format_band(name: str | None) -> Text:
    """Format a health band in its colour."""
    return make_text(name or NO_VALUE, BAND_STYLE.get(name or "", "dim"))


def format_score(value: float | None) -> str:
    """Format a health score with one decimal."""
    return NO_VALUE if value is None else f"{value:.1f}"

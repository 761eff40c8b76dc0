"""Formatting of single values for the terminal; customers' texts are never markup."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from rich.text import Text

from cs_sync.i18n import Translator
from cs_sync.metrics.display_units import get_display_unit

NO_VALUE = "–"
BAND_STYLE = {
    "red": "red",
    "yellow": "yellow",
    "green": "green",
    "excellent": "bold green",
    "insufficient": "bright_black",
}
STATUS_STYLE = {"ok": "green", "partial": "yellow", "failed": "red", "interrupted": "red"}


def make_text(value: str, style: str = "") -> Text:
    """Return plain text without terminal control characters."""
    return Text(strip_control_characters(value, lines=False), style=style)


def strip_control_characters(value: str, *, lines: bool = True) -> str:
    """Return the text without terminal control characters; `lines` keeps line ends."""
    if value.isprintable():
        return value
    allowed = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in allowed else " " * c.isspace() for c in value)


def format_cell(value: Any, words: Translator) -> Text:
    """Format any value for a table."""
    if value is None or value in ("", [], {}, ()):
        return make_text(NO_VALUE, "dim")
    if isinstance(value, bool):
        return make_text(words("terminal.yes" if value else "terminal.no"))
    if isinstance(value, datetime):
        return make_text(words.format_moment(value))
    if isinstance(value, date):
        return make_text(words.full_date(value))
    if isinstance(value, Mapping):
        return make_text(
            ", ".join(f"{k}: {NO_VALUE if v is None else v}" for k, v in value.items())
        )
    if isinstance(value, list | tuple):
        return make_text(", ".join(map(str, value)))
    return make_text(str(value))


def format_count(value: int, words: Translator) -> str:
    """Format a whole number: 1,234."""
    return words.number(value, 0)


def format_money(minor: float | None, currency: str | None, words: Translator) -> str:
    """Format an amount in minor units, or a dash for none."""
    return NO_VALUE if minor is None else words.format_money(minor, currency)


def format_amounts(by_currency: Mapping[str, float] | None, words: Translator) -> str:
    """Format amounts of several currencies (currency → minor units), largest first."""
    if not by_currency:
        return NO_VALUE
    ordered = sorted(by_currency.items(), key=lambda item: (-item[1], item[0]))
    return " + ".join(format_money(minor, currency, words) for currency, minor in ordered)


def format_quantity(
    value: float | None, unit: str, words: Translator, currency: str | None = None
) -> str:
    """Format a metric's value in its unit.

    Ratio 0.25 → 25.0%, times 3 → 3.0×, money with its currency, None → –.
    """
    if value is None:
        return NO_VALUE
    if unit == "times":
        return f"{words.decimal(value, 1)}×"
    if unit == "ratio":
        return words.percent(value, 1)
    if unit == "money_minor":
        return format_money(value, currency, words)
    if unit == "count":
        return words.decimal(value, 0 if float(value).is_integer() else 1)
    if unit == "seconds":
        return words.format_duration(value)
    if unit == "days":
        return words.format_duration(value * 86_400)
    return words.decimal(value, 1)


def format_difference(
    value: float, unit: str, words: Translator, currency: str | None = None
) -> str:
    """Format a signed change; ratios in percentage points."""
    size = format_quantity(abs(value), unit, words, currency)
    zero = format_quantity(0.0, unit, words, currency)
    sign = "±" if size == zero else "+" if value > 0 else "-"
    if unit == "ratio":
        size = words("terminal.points", number=words.decimal(abs(value) * 100, 1))
    return sign + size


def format_period(start: date | str, end: date | str, words: Translator) -> str:
    """Format a half-open period.

    2026, Oct 2026, or its first and last day.
    """
    first, after = date.fromisoformat(str(start)), date.fromisoformat(str(end))
    months = (after.year - first.year) * 12 + after.month - first.month
    if first.day == after.day == 1 and months == 1:
        return words.format_month(first)
    if first.day == after.day == 1 and months == 12 and first.month == 1:
        return f"{first:%Y}"
    last = after - timedelta(days=1)
    return (
        words.full_date(first)
        if last == first
        else f"{words.full_date(first)} – {words.full_date(last)}"
    )


def get_row_unit(row: Mapping[str, Any]) -> str:
    """Return the display unit of a metric's row."""
    return get_display_unit(str(row.get("metric")), str(row.get("unit")))


def format_sample(row: Mapping[str, Any], words: Translator) -> Text:
    """Format a metric's sample size and confidence interval."""
    parts = []
    if row.get("n") is not None:
        parts.append(words("terminal.sample", row["n"]))
    low, high = row.get("low"), row.get("high")
    if low is not None and high is not None:
        unit, currency = get_row_unit(row), row.get("currency")
        parts.append(
            " – ".join(format_quantity(edge, unit, words, currency) for edge in (low, high))
        )
    return make_text(", ".join(parts), "dim")


def format_segment(segment: Mapping[str, Any] | None, words: Translator) -> str:
    """Format a segment's values, our codes by their names."""
    return ", ".join(
        NO_VALUE if value is None else name_segment(dimension, str(value), words)
        for dimension, value in (segment or {}).items()
    )


def name_segment(dimension: str, value: str, words: Translator) -> str:
    """Name a value of a dimension: our codes translated, others unchanged."""
    code = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
    if dimension == "line" and code == "other":
        return words("terminal.other")
    return words.find(f"segment.{dimension}.{code}", value)


def format_band(name: str | None, words: Translator) -> Text:
    """Format a health band in its colour."""
    style = BAND_STYLE.get(name or "", "dim")
    return make_text(words.band(name) if name else NO_VALUE, style)


def format_score(value: float | None, words: Translator) -> str:
    """Format a health score with one decimal."""
    return NO_VALUE if value is None else words.decimal(value, 1)


def describe_order(rows: Iterable[Mapping[str, Any]], words: Translator) -> str:
    """Describe what the order of accounts rests on.

    Empty where all have given notice.
    """
    bases = {row["priority_basis"] for row in rows}
    for basis, key in (("churn_probability", "ordered"), ("missing_health", "ordered_by_health")):
        if basis in bases:
            return words(f"outlook.{key}", basis=words(f"priority_basis.{basis}"))
    return ""

"""How single values look in a terminal; text of customers is never read as markup."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from rich.text import Text

from cs_sync.metrics.said import said_as
from cs_sync_schemas.money import CURRENCY_EXPONENT

NOTHING = "–"
BAND_STYLE = {"red": "red", "yellow": "yellow", "green": "green", "excellent": "bold green"}
STATUS_STYLE = {"ok": "green", "partial": "yellow", "failed": "red", "interrupted": "red"}
_HOUR, _DAY = 3600, 86400


def text(value: str, style: str = "") -> Text:
    """Text as it is, without control characters that could drive the terminal."""
    return Text(harmless(value, lines=False), style=style)


def harmless(value: str, *, lines: bool = True) -> str:
    """The text without characters that could drive the terminal; `lines` keeps its lines."""
    kept = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in kept else " " * c.isspace() for c in value)


def cell(value: Any) -> Text:
    """Any value in a table."""
    if value is None or value in ("", [], {}, ()):
        return text(NOTHING, "dim")
    if isinstance(value, bool):
        return text("yes" if value else "no")
    if isinstance(value, datetime):
        return text(value.strftime("%Y-%m-%d %H:%M%z").replace("+0000", "Z"))
    if isinstance(value, date):
        return text(value.isoformat())
    if isinstance(value, Mapping):
        return text(", ".join(f"{k}: {NOTHING if v is None else v}" for k, v in value.items()))
    if isinstance(value, list | tuple):
        return text(", ".join(map(str, value)))
    return text(str(value))


def money(minor: float | None, currency: str | None) -> str:
    """Minor units with their currency: 123456, EUR → 1,234.56 EUR."""
    if minor is None:
        return NOTHING
    decimals = CURRENCY_EXPONENT.get(currency or "", 2)
    return f"{minor / 10**decimals:,.{decimals}f} {currency or ''}".strip()


def amounts(by_currency: Mapping[str, float] | None) -> str:
    """Several currencies beside each other, the largest number first."""
    if not by_currency:
        return NOTHING
    ordered = sorted(by_currency.items(), key=lambda item: (-item[1], item[0]))
    return " + ".join(money(minor, currency) for currency, minor in ordered)


def quantity(value: float | None, unit: str, currency: str | None = None) -> str:
    """A metric's value in its unit: ratio 0.25 → 25.0 %, times 3 → 3.0×, money with its currency,
    None → –."""
    if value is None:
        return NOTHING
    if unit == "times":
        return f"{value:,.1f}×"
    if unit == "ratio":
        return f"{value * 100:.1f} %"
    if unit == "money_minor":
        return money(value, currency)
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    if unit == "seconds":
        return f"{value:.2f} s" if 0 < value < 1 else duration(value)
    if unit == "days":
        return f"{value:,.1f} d"
    return f"{value:,.1f}"


def difference(value: float, unit: str, currency: str | None = None) -> str:
    """A change, signed; of ratios in percentage points."""
    sign = "+" if value > 0 else "-" if value < 0 else "±"
    size = quantity(abs(value), unit, currency)
    return sign + (size.replace("%", "pp") if unit == "ratio" else size)


def duration(seconds: float) -> str:
    """Seconds as a person says them: 12 s, 3 min, 5.2 h, 2.0 d."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:.1f} d"


def period(start: date | str, end: date | str) -> str:
    """A half-open period as a person says it: 2026, 2026-10, or its first and last day."""
    first, after = date.fromisoformat(str(start)), date.fromisoformat(str(end))
    months = (after.year - first.year) * 12 + after.month - first.month
    if first.day == after.day == 1 and months == 1:
        return f"{first:%Y-%m}"
    if first.day == after.day == 1 and months == 12 and first.month == 1:
        return f"{first:%Y}"
    last = after - timedelta(days=1)
    return f"{first}" if last == first else f"{first} … {last}"


def unit_of(row: Mapping[str, Any]) -> str:
    """The unit in which a metric's row is shown."""
    return said_as(str(row.get("metric")), str(row.get("unit")))


def sample(row: Mapping[str, Any]) -> Text:
    """The small print of a metric: how many it rests on, and its interval."""
    parts = []
    if row.get("n") is not None:
        parts.append(f"n={row['n']:,}")
    low, high = row.get("low"), row.get("high")
    if low is not None and high is not None:
        unit, currency = unit_of(row), row.get("currency")
        parts.append(f"{quantity(low, unit, currency)} … {quantity(high, unit, currency)}")
    return text(", ".join(parts), "dim")


def band(name: str | None) -> Text:
    """A health band in its colour."""
    return text(name or NOTHING, BAND_STYLE.get(name or "", "dim"))


def score_of(value: float | None) -> str:
    """A health score with one decimal."""
    return NOTHING if value is None else f"{value:.1f}"

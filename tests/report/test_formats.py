"""Numbers, money and dates as a report writes them."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync.i18n import get_translator
from cs_sync.report.formats import Formats
from tests.report.conftest import TODAY, plain


@pytest.mark.parametrize(
    ("minor", "currency", "exact", "text"),
    [
        (123_456_789, "EUR", False, "1,234,568 EUR"),
        (123_456_789, "EUR", True, "1,234,567.89 EUR"),
        (1_234_567_890, "EUR", False, "12.35M EUR"),
        (1_234_567_890, "EUR", True, "12,345,678.90 EUR"),
        (99_999, "EUR", False, "999.99 EUR"),
        (-150, "USD", False, "−1.50 USD"),
        (1500, "JPY", True, "1,500 JPY"),
        (1_234, "KWD", True, "1.234 KWD"),
        (0, "EUR", False, "0 EUR"),
        (None, "EUR", False, "–"),
        (1234, None, False, "12.34 EUR"),
    ],
)
def test_money(
    formats: Formats, minor: int | None, currency: str | None, exact: bool, text: str
) -> None:
    assert plain(formats.format_money(minor, currency, exact=exact)) == text


def test_purse(formats: Formats) -> None:
    assert plain(formats.purse({"USD": 100, "EUR": 250_000})) == "2,500 EUR + 1.00 USD"
    assert formats.purse({}) == "–"


@pytest.mark.parametrize(
    ("value", "unit", "currency", "text"),
    [
        (0.25, "ratio", None, "25.0%"),
        (-0.004, "ratio", None, "−0.4%"),
        (-0.0004, "ratio", None, "0.0%"),
        (0.0, "ratio", None, "0.0%"),
        (2_388.4, "count", None, "2,388"),
        (58, "count", None, "58"),
        (24.25, "score", None, "24.3"),
        (3.0, "days", None, "3 days"),
        (1.0, "days", None, "1 day"),
        (14_100, "seconds", None, "3 hr 55 min"),
        (59.6, "seconds", None, "1 min"),
        (0, "seconds", None, "0 sec"),
        (90_061, "seconds", None, "1 day 1 hr"),
        (250_000, "money_minor", "EUR", "2,500 EUR"),
        (3.14, "times", None, "3.1×"),
        (None, "ratio", None, "–"),
    ],
)
def test_quantity(
    formats: Formats, value: float | None, unit: str, currency: str | None, text: str
) -> None:
    assert plain(formats.quantity(value, unit, currency)) == text


@pytest.mark.parametrize(
    ("now", "before", "unit", "text"),
    [
        (0.27, 0.21, "ratio", "+6.0 pp"),
        (0.2535, 0.2533, "ratio", "±0.0 pp"),
        (110, 100, "money_minor", "+10.0%"),
        (90, 100, "money_minor", "−10.0%"),
        (500, 0, "money_minor", "+5.00 EUR"),
        (24.0, 31.5, "score", "−7.5"),
        (5, 5, "count", "±0"),
        (None, 5, "count", ""),
        (5, None, "count", ""),
    ],
)
def test_change(
    formats: Formats, now: float | None, before: float | None, unit: str, text: str
) -> None:
    assert plain(formats.change(now, before, unit, "EUR")) == text


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-10-01", "2026-11-01", "Oct 2026"),
        ("2025-12-01", "2026-01-01", "Dec 2025"),
        ("2026-07-01", "2026-10-01", "Jul 2026 – Sep 2026"),
        ("2025-01-01", "2026-01-01", "2025"),
        ("2026-11-02", "2026-11-09", "2 Nov 2026 – 8 Nov 2026"),
        (date(2026, 11, 3), date(2026, 11, 4), "3 Nov 2026"),
    ],
)
def test_periods(formats: Formats, start: Any, end: Any, text: str) -> None:
    assert plain(formats.period(start, end)) == text


def test_moments_are_in_the_reporting_zone(formats: Formats) -> None:
    at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert plain(formats.format_moment(at)) == "21 Nov 2026 00:30"
    assert formats.format_moment(None) == "never"


def test_other_languages_write_dates_and_numbers_their_way() -> None:
    polish = Formats(get_translator("pl"), ZoneInfo("Europe/Warsaw"), "EUR")
    assert plain(polish.format_money(123_456_789)) == "1 234 568 EUR"
    assert plain(polish.day(TODAY)) == "20 lis 2026"
    chinese = Formats(get_translator("zh-Hans"), ZoneInfo("UTC"), "EUR")
    assert chinese.period("2026-10-01", "2026-11-01") == "2026年10月"
    assert chinese.format_money(1_234_567_890).startswith("1234.57万")


@pytest.mark.parametrize(
    ("value", "text"), [(4.6, "+5"), (-12.6, "−13"), (0.3, "±0"), (-0.4, "±0"), (None, "–")]
)
def test_points(formats: Formats, value: float | None, text: str) -> None:
    assert formats.signed(value) == text


def test_amounts_of_a_table_have_signs_and_no_code(formats: Formats) -> None:
    assert [formats.format_signed_units(n) for n in (123_456, -50_000, 0)] == [
        "+1,235",
        "−500",
        "–",
    ]

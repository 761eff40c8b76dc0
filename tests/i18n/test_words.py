"""Numbers, money, days and plural forms as the six languages write them."""

from datetime import UTC, date, datetime

import pytest

from cs_sync.i18n import ENGLISH, Language, get_translator

TODAY = date(2026, 3, 10)
MOMENT = datetime(2026, 3, 9, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "money", "number", "day", "earlier", "share"),
    [
        ("en", "1,234.50 EUR", "66.7", "9 Mar", "12 Nov 2025", "83%"),
        ("pl", "1 234,50 EUR", "66,7", "9 mar", "12 lis 2025", "83%"),
        ("ro", "1.234,50 EUR", "66,7", "9 mar.", "12 nov. 2025", "83 %"),
        ("th", "1,234.50 EUR", "66.7", "9 มี.ค.", "12 พ.ย. 2025", "83%"),
        ("zh-Hans", "1,234.50 EUR", "66.7", "3月9日", "2025年11月12日", "83%"),
        ("zh-Hant", "1,234.50 EUR", "66.7", "3月9日", "2025年11月12日", "83%"),
    ],
)
def test_values(
    language: Language, money: str, number: str, day: str, earlier: str, share: str
) -> None:
    words = get_translator(language)
    plain = {ord("\N{NO-BREAK SPACE}"): " ", ord("\N{NARROW NO-BREAK SPACE}"): " "}
    assert words.format_money(123_450, "EUR").translate(plain) == money
    assert words.number(200 / 3) == number
    assert words.day(date(2026, 3, 9), TODAY) == day
    assert words.day(date(2025, 11, 12), TODAY) == earlier
    assert words.percent(5 / 6).translate(plain) == share


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("en", 0, "No tickets in the last 30 days"),
        ("en", 1, "1 ticket in the last 30 days"),
        ("pl", 1, "1 zgłoszenie w ostatnich 30 dniach"),
        ("pl", 3, "3 zgłoszenia w ostatnich 30 dniach"),
        ("pl", 5, "5 zgłoszeń w ostatnich 30 dniach"),
        ("pl", 12, "12 zgłoszeń w ostatnich 30 dniach"),
        ("pl", 22, "22 zgłoszenia w ostatnich 30 dniach"),
        ("ro", 1, "1 tichet în ultimele 30 de zile"),
        ("ro", 19, "19 tichete în ultimele 30 de zile"),
        ("ro", 20, "20 de tichete în ultimele 30 de zile"),
        ("th", 2, "ทิกเก็ต 2 รายการใน 30 วันที่ผ่านมา"),
        ("zh-Hans", 2, "近 30 天有 2 个工单"),
    ],
)
def test_plural_forms(language: Language, number: int, text: str) -> None:
    assert get_translator(language)("reason.tickets", number) == text


def test_money_without_minor_units_and_several_currencies() -> None:
    assert ENGLISH.mrr({"JPY": 5000, "EUR": 100}) == "1.00 EUR + 5,000 JPY"


def test_a_field_that_is_missing_and_an_unknown_message_are_mistakes() -> None:
    with pytest.raises(KeyError, match="day"):
        ENGLISH("reason.ends")
    with pytest.raises(KeyError, match=r"reason\.nothing"):
        ENGLISH("reason.nothing")


def test_a_moment() -> None:
    assert ENGLISH.instant(MOMENT, TODAY) == "9 Mar, 14:05"
    assert get_translator("th").instant(MOMENT, TODAY) == "9 มี.ค. 14:05"


def test_braces_that_customers_write_stay_as_they_are() -> None:
    assert ENGLISH("format.quoted", text="{account}") == "“{account}”"


def test_what_is_rounded_to_zero_has_no_sign() -> None:
    """Nor has a real zero, whichever comes first: texts of equal numbers are kept."""
    words = get_translator("en")
    assert [words.number(value) for value in (-0.01, 0.0, 0.01)] == ["0", "0", "0"]
    assert words.percent(-0.001) == words.percent(0.0) == "0%"

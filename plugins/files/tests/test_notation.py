"""Numbers, amounts and dates as people write them: the right value, or a refusal."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync_files.notation import (
    compile_date_format,
    parse_major_amount,
    parse_people_date,
    parse_people_number,
    parse_percent,
)

CENTS = st.integers(-(10**11), 10**11)
Mark = Literal[".", ","]


def write(cents: int, decimal: Mark, thousands: str) -> str:
    """Write an amount as Python's own formatting does, with other marks."""
    text = f"{Decimal(cents).scaleb(-2):,.2f}"
    return text.replace(",", "T").replace(".", decimal).replace("T", thousands)


MARKS: list[tuple[Mark, str]] = [(".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u202f")]


@given(CENTS, st.sampled_from(MARKS))
def test_a_number_is_read_as_it_was_written(cents: int, marks: tuple[Mark, str]) -> None:
    decimal, thousands = marks
    value = Decimal(cents).scaleb(-2)
    assert parse_people_number(write(cents, decimal, thousands), decimal) == value
    assert parse_people_number(write(cents, decimal, ""), decimal) == value


@given(CENTS, st.sampled_from([(".", ","), (",", ".")]))
def test_without_a_stated_mark_a_number_is_right_or_refused(
    cents: int, marks: tuple[Mark, str]
) -> None:
    """Two decimals show their mark; a number without them could be in thousands."""
    assert parse_people_number(write(cents, *marks), None) == Decimal(cents).scaleb(-2)
    whole = write(cents * 100, *marks)[:-3]
    if whole.count(marks[1]) == 1:
        with pytest.raises(ValueError, match=r'set decimal = "." or ","'):
            parse_people_number(whole, None)
    else:
        assert parse_people_number(whole, None) == cents


@given(CENTS, st.sampled_from([(".", ","), (",", ".")]))
def test_the_other_mark_is_never_read(cents: int, marks: tuple[Mark, str]) -> None:
    decimal, other = marks
    with pytest.raises(ValueError, match="is not a number with decimals after"):
        parse_people_number(write(cents, other, decimal), decimal)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(12.00)", "-12.00"), ("12-", "-12"), ("−12", "-12"), ("+12.5", "12.5"),
        ("0.125", "0.125"), ("1234.567", "1234.567"), ("4.9E+03", "4900"),
        ("12.345.678", "12345678"), (" 7 ", "7"),
    ],
)  # fmt: skip
def test_signs_and_exponents(text: str, value: str) -> None:
    assert parse_people_number(text, None) == Decimal(value)


def test_a_whole_number_with_thousands_needs_no_stated_mark() -> None:
    assert parse_people_number("1,250", None, whole=True) == 1250
    assert parse_people_number("1.250", None, whole=True) == 1250
    with pytest.raises(ValueError, match=r"'1\.000' could be 1\.000 or 1000"):
        parse_people_number("1.000", None, whole=True)


@pytest.mark.parametrize("text", ["", "abc", "--3", "(3", "1,23,456.00", "-(3)", "1 2", "3 EUR"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        parse_people_number(text, None)


@pytest.mark.parametrize(
    ("text", "unit", "value", "currencies"),
    [
        ("49,00 €", "major", "49.00", {"EUR"}), ("USD 49.00", "major", "49.00", {"USD"}),
        ("-$5.00", "USD", "-5.00", {"USD"}), ("$ (5.00)", "USD", "-5.00", {"USD"}),
        ("1.234,00 zł", "major", "1234.00", {"PLN"}), ("49,5", "major", "49.5", None),
        ("¥100", "major", "100", {"JPY", "CNY"}), ("49,5", "EUR", "49.5", {"EUR"}),
    ],
)  # fmt: skip
def test_a_currency_beside_an_amount_counts(
    text: str, unit: str, value: str, currencies: set[str] | None
) -> None:
    decimal: Mark = "," if "," in text else "."
    amount = parse_major_amount(text, decimal, unit)
    assert amount.value == Decimal(value)
    assert amount.currencies == currencies


@pytest.mark.parametrize("text", ["$49.00", "49.00 apples", "50 %", "-", "EUR 4 USD"])
def test_another_currency_or_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_major_amount(text, ".", "EUR")


@pytest.mark.parametrize(
    ("cell", "unit", "value"),
    [("19%", None, 19), ("19 %", None, 19), ("19", None, 19), (0.19, "fraction", 19),
     ("0.5", "percent", Decimal("0.5")), ("0.5%", None, Decimal("0.5"))],
)  # fmt: skip
def test_percentages(cell: Any, unit: str | None, value: Any) -> None:
    assert parse_percent(cell, None, unit) == value


def test_a_percentage_that_could_be_a_fraction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"could be 0.19 % or 19 %; set unit"):
        parse_percent("0.19", ".", None)


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("20.11.2026", "DD.MM.YYYY", datetime(2026, 11, 20)),  # noqa: DTZ001 - local
        ("11/20/2026 2:30 PM", "MM/DD/YYYY h:mm A", datetime(2026, 11, 20, 14, 30)),  # noqa: DTZ001
        ("1.2.26", "D.M.YY", datetime(2026, 2, 1)),  # noqa: DTZ001 - local
        ("20 Nov 2026", "DD MMM YYYY", datetime(2026, 11, 20)),  # noqa: DTZ001 - local
    ],
)
def test_dates_follow_their_format(text: str, form: str, day: datetime) -> None:
    assert parse_people_date(text, form) == day


@pytest.mark.parametrize("text", ["2026-11-20", "31.02.2026", "11/20/2026", "20.11.2026 10:00"])
def test_a_date_of_another_format_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a date like DD\.MM\.YYYY"):
        parse_people_date(text, "DD.MM.YYYY")


@pytest.mark.parametrize("form", ["dd.mm.yyyy", "DD.MM", "", "%d.%m.%Y"])
def test_a_format_without_a_date_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match="is not a format of a date"):
        compile_date_format(form)

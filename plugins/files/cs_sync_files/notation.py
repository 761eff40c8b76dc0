"""Numbers, amounts and dates as people write them; what can be read in two ways is refused."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from cs_sync_schemas.money import CURRENCY_EXPONENT, get_exponent

DecimalMark = Literal[".", ","]
_SPACES = " \u00a0\u2009\u202f"
_GROUPED = r"[1-9][0-9]{0,2}(?P<mark>[%s'’%s])[0-9]{3}(?:(?P=mark)[0-9]{3})*"
_NUMBER = {
    decimal: re.compile(
        rf"(?:[0-9]+|{_GROUPED % (re.escape(group), _SPACES)})"
        rf"(?:{re.escape(decimal)}[0-9]+)?(?:[eE][+-]?[0-9]+)?"
    )
    for decimal, group in ((".", ","), (",", "."))
}
_SIGNED = re.compile(
    r"(?P<open>\()?(?P<minus>[-+−])?\s*(?P<body>.*?)\s*(?P<after>-)?(?P<close>\))?"
)
_SYMBOLS = {
    "€": "EUR", "£": "GBP", "zł": "PLN", "₹": "INR", "₩": "KRW", "฿": "THB", "₺": "TRY",
    "₫": "VND", "R$": "BRL", "US$": "USD", "Kč": "CZK", "Ft": "HUF",
    "$": "USD CAD AUD NZD SGD HKD TWD MXN CLP COP ARS", "¥": "JPY CNY", "kr": "SEK NOK DKK ISK",
    "元": "CNY", "円": "JPY", "Fr.": "CHF",
}  # fmt: skip
_MARKED = re.compile(
    r"(?P<sign>[-+−]?)\s*(?P<before>[^\d\s()+−.,'’-]+\.?)?\s*"
    r"(?P<number>[(]?[-+−]?[\d.,'’\s]*\d(?:[eE][+-]?\d+)?-?[)]?)\s*(?P<after>[^\d\s()%]+)?"
)
_TOKENS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "DD": "%d",
    "D": "%d", "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "ss": "%S", "A": "%p",
}  # fmt: skip
_TOKEN = re.compile("|".join(sorted(map(re.escape, _TOKENS), key=len, reverse=True)))
_LETTERS = re.compile(r"[A-Za-z]")


@dataclass(frozen=True, slots=True)
class MajorAmount:
    """An amount in major units, with the currencies that its cell or its map names.

    None: it names none.
    """

    value: Decimal
    currencies: frozenset[str] | None
    shown: str

    def scale(self, currency: str) -> Decimal:
        """Return the amount in minor units."""
        return self.value.scaleb(get_exponent(currency))


def parse_people_number(cell: Any, decimal: DecimalMark | None, *, whole: bool = False) -> Decimal:
    """Parse a number with its sign, thousands and decimals.

    Args:
        cell: A number, or a text such as `1.234,56`, `(12.00)` or `12-`.
        decimal: What separates decimals; None: what cannot be read in two ways.
        whole: Whether only a whole number can be meant, so that `1,250` is one.

    Raises:
        ValueError: It is not a number, or could be two.
    """
    if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        number = Decimal(repr(cell) if isinstance(cell, float) else cell)
        if not number.is_finite():
            raise ValueError(f"{cell} is not a number")
        return number
    text = str(cell).strip()
    signed = _SIGNED.fullmatch(text)
    if signed is None or (signed["open"] is None) != (signed["close"] is None):
        raise ValueError(f"{text!r} is not a number")
    negative = [mark for mark in (signed["open"], signed["minus"], signed["after"]) if mark]
    readings = {
        value
        for mark in ((decimal,) if decimal else (".", ","))
        if (value := _read_number(signed["body"], mark)) is not None
    }
    if not readings or len(negative) > 1:
        expected = f" with decimals after {decimal!r}" if decimal else ""
        raise ValueError(f"{text!r} is not a number{expected}")
    if whole and len(readings) > 1:
        readings = {value for value in readings if value == value.to_integral_value()}
    if len(readings) > 1:
        low, high = sorted(readings)
        raise ValueError(
            f'{text!r} could be {low} or {high}; set decimal = "." or "," for its column or file'
        )
    (value,) = readings
    return -value if negative and negative[0] != "+" else value


def _read_number(body: str, decimal: str) -> Decimal | None:
    """Read an unsigned number; None if it is not written so."""
    match = _NUMBER[decimal].fullmatch(body)
    if match is None:
        return None
    digits = body.replace(match["mark"], "") if match["mark"] else body
    return Decimal(digits.replace(decimal, "."))


def parse_major_amount(cell: Any, decimal: DecimalMark | None, unit: str) -> MajorAmount:
    """Parse an amount in major units; a currency beside it must fit.

    Args:
        cell: A number, or a text such as `49,00 €` or `USD 49.00`.
        decimal: What separates decimals.
        unit: The currency, or `major`: that of the row.
    """
    stated = None if unit == "major" else frozenset({unit})
    if not isinstance(cell, str):
        return MajorAmount(parse_people_number(cell, decimal), stated, str(cell))
    text = cell.strip()
    match = _MARKED.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount")
    marks = [mark for mark in (match["before"], match["after"]) if mark]
    named = frozenset[str]()
    for mark in marks:
        named = _find_currencies(mark, text)
    if len(marks) > 1:
        raise ValueError(f"{text!r} is not an amount")
    if stated and named and not stated & named:
        raise ValueError(f"{text!r} is not in {unit}, the unit of its column")
    value = parse_people_number(match["sign"] + match["number"], decimal)
    return MajorAmount(value, stated or named or None, text)


def _find_currencies(mark: str, text: str) -> frozenset[str]:
    """Find what a symbol or code beside an amount may stand for."""
    if mark.upper() in CURRENCY_EXPONENT:
        return frozenset({mark.upper()})
    if mark not in _SYMBOLS:
        raise ValueError(f"{text!r} is not an amount: {mark!r} is not a currency")
    return frozenset(_SYMBOLS[mark].split())


def parse_percent(cell: Any, decimal: DecimalMark | None, unit: str | None) -> Decimal:
    """Parse a percentage: 19 for `19%`, `19` and, as a fraction, `0.19`."""
    if isinstance(cell, str) and cell.strip().endswith("%"):
        return parse_people_number(cell.strip()[:-1], decimal)
    value = parse_people_number(cell, decimal)
    if unit == "fraction":
        return value * 100
    if unit != "percent" and 0 < abs(value) < 1:
        whole = (value * 100).normalize()
        raise ValueError(
            f"{cell!r} could be {value} % or {whole:f} %; "
            'set unit = "percent" or "fraction" for its column'
        )
    return value


@cache
def compile_date_format(text: str) -> str:
    """Return a date's format as `strptime` takes it.

    >>> compile_date_format("DD.MM.YYYY")
    '%d.%m.%Y'

    Raises:
        ValueError: It names no day, or letters that stand for nothing.
    """
    directives = _TOKEN.findall(text)
    rest = _TOKEN.sub("", text)
    meant = [_TOKENS[token] for token in directives]
    years = {"%Y", "%y"} & set(meant)
    months = {"%m", "%b", "%B"} & set(meant)
    if _LETTERS.search(rest.replace("T", "")) or not years or not months:
        raise ValueError(
            f"{text!r} is not a format of a date; write it like DD.MM.YYYY or MM/DD/YYYY hh:mm A"
        )
    return _TOKEN.sub(lambda token: _TOKENS[token[0]], text.replace("%", "%%"))


def parse_people_date(cell: str, text_format: str) -> datetime:
    """Parse a date or local time of a given format.

    Raises:
        ValueError: It is written otherwise.
    """
    text = cell.strip()
    try:
        return datetime.strptime(text, compile_date_format(text_format))  # noqa: DTZ007 - local
    except ValueError:
        raise ValueError(f"{text!r} is not a date like {text_format}") from None

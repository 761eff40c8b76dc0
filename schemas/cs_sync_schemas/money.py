"""Currencies and exact decimals for amounts of money."""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator
from sqlalchemy import Dialect, Numeric, String
from sqlalchemy.types import TypeDecorator, TypeEngine

_TWO_DECIMALS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
HTG HUF IDR ILS INR IRR ISK JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP
MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH UGX USD UYU
UZS VES WST XCD YER ZAR ZMW ZWG
"""
_NO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

CURRENCY_EXPONENT: dict[str, int] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}
"""ISO 4217 code → number of decimals of its minor unit.

ISK and UGX carry two decimals here, as billing systems send them, though ISO gives them none.
"""


def known_currency(code: str) -> str:
    """Return the upper-case ISO 4217 code.

    Raises:
        ValueError: The currency is unknown.
    """
    upper = code.upper()
    if upper not in CURRENCY_EXPONENT:
        raise ValueError(f"unknown currency {code!r}; use an ISO 4217 code such as EUR")
    return upper


def get_exponent(currency: str | None) -> int:
    """Return the decimals of a currency's minor unit; unknown: two."""
    return CURRENCY_EXPONENT.get((currency or "").upper(), 2)


@lru_cache(10_000, typed=True)
def to_major_units(minor: float, currency: str | None) -> Decimal:
    """Convert an amount from minor to major units of its currency."""
    return Decimal(str(minor)).scaleb(-get_exponent(currency))


def format_amount(minor: float, currency: str | None) -> str:
    """Format an amount in minor units in plain text.

    123456, EUR → 1,234.56 EUR.
    """
    amount = f"{to_major_units(minor, currency):,.{get_exponent(currency)}f}"
    return f"{amount} {currency}" if currency else amount


MAX_MINOR_UNITS = 10**15
"""Of one amount: no real one is larger, and sums of thousands stay in 64 bits."""

Currency = Annotated[str, AfterValidator(known_currency)]


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal with all its digits: NUMERIC if the database has it, text on SQLite."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use text on SQLite, and NUMERIC elsewhere.

        SQLite's own numbers are binary floats.
        """
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String())
        return dialect.type_descriptor(Numeric(38, 12))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Convert to plain notation, without exponent.

        So equal numbers have equal text.
        """
        if value is None or dialect.name != "sqlite":
            return value
        return format(value.normalize(), "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Return a Decimal without trailing zeros, equal on every database."""
        return None if value is None else _strip_zeros(value)


@lru_cache(4096)
def _strip_zeros(value: str | Decimal) -> Decimal:
    return Decimal(format(Decimal(value).normalize(), "f"))

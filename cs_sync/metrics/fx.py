"""Rates of exchange: what one currency is worth in another on a day, exactly, and for a scope."""

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import isqrt
from typing import Literal

from cs_sync.metrics.periods import Period
from cs_sync_schemas.money import CURRENCY_EXPONENT

Quote = tuple[date, Fraction]
FxRate = Literal["period_end", "month_end", "month_start"]
_EXACT = 2**52
"""Numerator × denominator of a rate in a statement stay below: every database counts so far."""


class Rates:
    """Quoted rates by day; a rate holds until the next one of its pair is known."""

    def __init__(self, quotes: Iterable[tuple[date, str, str, Fraction]]) -> None:
        """Of (day, base, quote, what one unit of base costs in quote), the last of a day counts."""
        found: dict[tuple[str, str], dict[date, Fraction]] = {}
        for day, base, quote, rate in quotes:
            found.setdefault((base, quote), {})[day] = rate
        self._pairs = {pair: sorted(days.items()) for pair, days in found.items()}
        self._currencies = sorted({currency for pair in found for currency in pair})

    def on(self, day: date, base: str, quote: str) -> Fraction | None:
        """What one major unit of `base` was worth in `quote` on a day, or None when unknown.

        The pair itself or its inverse, whichever is known more recently; else through the one
        currency to which both have the most recent rates.
        """
        if base == quote:
            return Fraction(1)
        direct = self._last(day, base, quote)
        if direct is not None:
            return direct[1]
        crossed: list[Quote] = []
        for pivot in self._currencies:
            first, second = self._last(day, base, pivot), self._last(day, pivot, quote)
            if first and second:
                crossed.append((min(first[0], second[0]), first[1] * second[1]))
        return max(crossed, key=lambda one: one[0])[1] if crossed else None

    def minor(self, day: date, base: str, quote: str) -> Fraction | None:
        """As `on`, from minor units to minor units, which differ where the decimals do."""
        rate = self.on(day, base, quote)
        if rate is None:
            return None
        return rate * Fraction(10) ** (CURRENCY_EXPONENT[quote] - CURRENCY_EXPONENT[base])

    def _last(self, day: date, base: str, quote: str) -> Quote | None:
        there, back = self._quoted(day, base, quote), self._quoted(day, quote, base)
        if back is not None and (there is None or there[0] < back[0]):
            return back[0], 1 / back[1]
        return there

    def _quoted(self, day: date, base: str, quote: str) -> Quote | None:
        days = self._pairs.get((base, quote), [])
        place = bisect_right(days, day, key=lambda one: one[0])
        return days[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a scope's money becomes one currency: per currency a rate for each of its periods."""

    target: str
    opening: Mapping[str, tuple[Fraction, ...]]
    """Minor units of the target per minor unit, on the last day before each period."""
    closing: Mapping[str, tuple[Fraction, ...]]
    """The same on each period's last day."""
    left_out: Mapping[str, date]
    """Currencies without a rate, and the first day on which one is missing."""

    def only(self, index: int) -> "Conversion":
        """The rates of one of the periods alone."""
        opening = {currency: rates[index : index + 1] for currency, rates in self.opening.items()}
        closing = {currency: rates[index : index + 1] for currency, rates in self.closing.items()}
        return Conversion(self.target, opening, closing, self.left_out)

    def notes(self, shown: Container[str | None]) -> list[str]:
        """In words, which of the currencies shown are not in the converted totals."""
        return [
            f"no rate from {currency} to {self.target} is known for {day}: amounts in {currency} "
            f"are shown in {currency} and are not in the {self.target} totals"
            for currency, day in sorted(self.left_out.items())
            if currency in shown
        ]


def conversion(
    rates: Rates,
    target: str,
    periods: Sequence[Period],
    since: Mapping[str, datetime],
    *,
    openings: bool,
    day_of: FxRate = "period_end",
) -> Conversion:
    """The rates at which the money of some periods becomes `target`.

    `since` says from when on there is money in each currency. A currency is converted in every
    period, or, where a rate that it needs is missing, in none, so that closings stay openings.
    Without `openings` the rates of the closing are used for both: rates of change, which should
    not move with the exchange. `day_of` is the policy's choice of the day.
    """
    opening: dict[str, tuple[Fraction, ...]] = {}
    closing: dict[str, tuple[Fraction, ...]] = {}
    left_out: dict[str, date] = {}
    for currency, first in since.items():
        if currency == target:
            continue
        pair = rates, target, currency, first
        ends = [_needed(*pair, _day_of(day_of, p.end), p.ends_at) for p in periods]
        starts = [_needed(*pair, _day_of(day_of, p.start), p.starts_at) for p in periods]
        asked = [*starts, *ends] if openings else ends
        missing = [day for day, rate in asked if rate is None]
        if missing:
            left_out[currency] = min(missing)
        else:
            closing[currency] = _sayable(ends)
            opening[currency] = _sayable(starts) if openings else closing[currency]
    return Conversion(target, opening, closing, left_out)


def _day_of(choice: FxRate, turn: date) -> date:
    """The day whose rates say what money is worth just before a day; the same for every period
    that ends there, so that closings stay openings."""
    last = turn - timedelta(days=1)
    if choice == "month_start":
        return last.replace(day=1)
    return turn.replace(day=1) - timedelta(days=1) if choice == "month_end" else last


def _needed(
    rates: Rates, target: str, currency: str, first: datetime, day: date, at: datetime
) -> tuple[date, Fraction | None]:
    """The rate of a day; nought is good enough where there is no money yet."""
    return day, Fraction(0) if first >= at else rates.minor(day, currency, target)


def _sayable(found: Iterable[tuple[date, Fraction | None]]) -> tuple[Fraction, ...]:
    """Rates with which whole numbers of 64 bits can be multiplied and divided without loss."""
    return tuple(_near(rate or Fraction(0)) for _, rate in found)


def _near(rate: Fraction) -> Fraction:
    if rate.numerator * rate.denominator <= _EXACT:
        return rate
    return rate.limit_denominator(max(1, isqrt(int(_EXACT / rate)) - 1))

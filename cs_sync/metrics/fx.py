"""Rates of exchange: what one currency is worth in another on a day, exactly, and for a scope."""

from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import isqrt
from typing import Literal

from cs_sync.metrics.periods import Period
from cs_sync_schemas.money import CURRENCY_EXPONENT

Quote = tuple[date, Fraction]
_Needed = tuple[date, Fraction | None]
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


def major(rate: Fraction, base: str, quote: str) -> Fraction:
    """A rate from minor units to minor units as one from major units to major units."""
    return rate / Fraction(10) ** (CURRENCY_EXPONENT[quote] - CURRENCY_EXPONENT[base])


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a scope's money becomes one currency: per currency a rate for each of its periods."""

    target: str
    opening: Mapping[str, tuple[Fraction, ...]]
    """Minor units of the target per minor unit, on the last day before each period."""
    closing: Mapping[str, tuple[Fraction, ...]]
    """The same on each period's last day."""
    reported: Mapping[str, tuple[Fraction, ...]]
    """As `opening`, but as it was known when the opening was reported as a closed month's closing:
    where they differ, a rate was changed since."""
    left_out: Mapping[str, date]
    """Currencies without a rate, and the first day on which one is missing."""

    def only(self, index: int) -> "Conversion":
        """The rates of one of the periods alone."""

        def one(rates: Mapping[str, tuple[Fraction, ...]]) -> dict[str, tuple[Fraction, ...]]:
            return {currency: some[index : index + 1] for currency, some in rates.items()}

        opening, closing, reported = map(one, (self.opening, self.closing, self.reported))
        return Conversion(self.target, opening, closing, reported, self.left_out)

    def restated(self, period: int) -> list[str]:
        """In words, which rates of a period's opening were changed since it was reported."""
        told = []
        for currency in sorted(self.reported):
            was, is_now = self.reported[currency][period], self.opening[currency][period]
            if was != is_now:
                was, is_now = (major(rate, currency, self.target) for rate in (was, is_now))
                told.append(
                    f"fx_rate from {currency} to {self.target}: {float(was):.6g} when it was "
                    f"closed, now {float(is_now):.6g}"
                )
        return told

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
    known: Callable[[date], Rates] | None = None,
) -> Conversion:
    """The rates at which the money of some periods becomes `target`.

    `since` says from when on there is money in each currency. A currency is converted in every
    period, or, where a rate that it needs is missing, in none, so that closings stay openings.
    Without `openings` the rates of the closing are used for both: rates of change, which should
    not move with the exchange. `day_of` is the policy's choice of the day. `known` says which rates
    were known when that was reported what stood just before a day; one that nobody knew then is
    taken from `rates`.
    """
    opening: dict[str, tuple[Fraction, ...]] = {}
    closing: dict[str, tuple[Fraction, ...]] = {}
    reported: dict[str, tuple[Fraction, ...]] = {}
    left_out: dict[str, date] = {}
    for currency in since:
        if currency == target:
            continue

        def needed(turn: date, at: datetime, told: date, currency: str = currency) -> _Needed:
            day = _day_of(day_of, turn)
            if since[currency] >= at:  # there is no money yet
                return day, Fraction(0)
            then = known(told).minor(day, currency, target) if known else None
            return day, then if then is not None else rates.minor(day, currency, target)

        ends = [needed(p.end, p.ends_at, p.end) for p in periods]
        starts = [needed(p.start, p.starts_at, p.end) for p in periods] if openings else ends
        told = [needed(p.start, p.starts_at, p.start) for p in periods] if openings else ends
        missing = [day for day, rate in (*starts, *ends) if rate is None]
        if missing:
            left_out[currency] = min(missing)
        else:
            closing[currency] = _sayable(ends)
            opening[currency], reported[currency] = _sayable(starts), _sayable(told)
    return Conversion(target, opening, closing, reported, left_out)


def _day_of(choice: FxRate, turn: date) -> date:
    """The day whose rates say what money is worth just before a day; the same for every period
    that ends there, so that closings stay openings."""
    last = turn - timedelta(days=1)
    if choice == "month_start":
        return last.replace(day=1)
    return turn.replace(day=1) - timedelta(days=1) if choice == "month_end" else last


def _sayable(found: Iterable[_Needed]) -> tuple[Fraction, ...]:
    """Rates with which whole numbers of 64 bits can be multiplied and divided without loss."""
    return tuple(_near(rate or Fraction(0)) for _, rate in found)


def _near(rate: Fraction) -> Fraction:
    if rate.numerator * rate.denominator <= _EXACT:
        return rate
    return rate.limit_denominator(max(1, isqrt(int(_EXACT / rate)) - 1))

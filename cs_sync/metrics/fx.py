"""Exchange rates: exact rates by day, and the rates of a scope."""

from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import partial
from math import isqrt
from typing import Literal

from msgspec import Struct

from cs_sync.metrics.periods import Period
from cs_sync_schemas.money import CURRENCY_EXPONENT

Quote = tuple[date, Fraction]
_Needed = tuple[date, Fraction | None]
FxRate = Literal["period_end", "month_end", "month_start"]
_MAX_PRODUCT = 2**52
"""Numerator × denominator of a rate in a statement stay below: every database counts so far."""


class ExchangeRates:
    """Quoted exchange rates by day; a rate is valid until the next quote of its pair."""

    def __init__(self, quotes: Iterable[tuple[date, str, str, Fraction]]) -> None:
        """Index the quotes by pair.

        A quote is (day, base, quote, price of one unit of base in quote). The last quote of a day
        counts.
        """
        by_pair: dict[tuple[str, str], dict[date, Fraction]] = {}
        for day, base, quote, rate in quotes:
            by_pair.setdefault((base, quote), {})[day] = rate
        self._pairs = {pair: sorted(days.items()) for pair, days in by_pair.items()}
        self.currencies = sorted({currency for pair in by_pair for currency in pair})

    def on(self, day: date, base: str, quote: str) -> Fraction | None:
        """Return one major unit of `base` in `quote`, if known."""
        if base == quote:
            return Fraction(1)
        latest = self.find_quote(day, base, quote)
        return latest[1] if latest else None

    def find_quote(self, day: date, base: str, quote: str) -> Quote | None:
        """Return a quote's latest day until a day, and its rate.

        The pair itself or its inverse, whichever is more recent; else the cross rate through
        the one currency with the most recent rates to both, with the older of their days.
        """
        direct = self._find_latest(day, base, quote)
        if direct is not None:
            return direct
        crossed: list[Quote] = []
        for pivot in self.currencies:
            first, second = (
                self._find_latest(day, base, pivot),
                self._find_latest(day, pivot, quote),
            )
            if first and second:
                crossed.append((min(first[0], second[0]), first[1] * second[1]))
        return max(crossed, key=lambda candidate: candidate[0]) if crossed else None

    def minor(self, day: date, base: str, quote: str) -> Fraction | None:
        """Return the rate as in `on`, from minor units to minor units.

        They differ where the decimals of the currencies do.
        """
        rate = self.on(day, base, quote)
        if rate is None:
            return None
        return rate * Fraction(10) ** (CURRENCY_EXPONENT[quote] - CURRENCY_EXPONENT[base])

    def _find_latest(self, day: date, base: str, quote: str) -> Quote | None:
        direct = self._find_own_quote(day, base, quote)
        inverse = self._find_own_quote(day, quote, base)
        if inverse is not None and (direct is None or direct[0] < inverse[0]):
            return inverse[0], 1 / inverse[1]
        return direct

    def _find_own_quote(self, day: date, base: str, quote: str) -> Quote | None:
        days = self._pairs.get((base, quote), [])
        place = bisect_right(days, day, key=lambda entry: entry[0])
        return days[place - 1] if place else None


def to_major_rate(rate: Fraction, base: str, quote: str) -> Fraction:
    """Convert a rate between minor units to one between major units."""
    return rate / Fraction(10) ** (CURRENCY_EXPONENT[quote] - CURRENCY_EXPONENT[base])


class Conversion(Struct, frozen=True):
    """The rates of a scope into one currency: per currency one rate for each period."""

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
        """Return the rates of one period alone."""

        def select(rates: Mapping[str, tuple[Fraction, ...]]) -> dict[str, tuple[Fraction, ...]]:
            return {currency: series[index : index + 1] for currency, series in rates.items()}

        opening, closing, reported = map(select, (self.opening, self.closing, self.reported))
        return Conversion(self.target, opening, closing, reported, self.left_out)

    def describe_restatements(self, period: int) -> list[str]:
        """Describe the rates of a period's opening changed since it was reported."""
        notes = []
        for currency in sorted(self.reported):
            was, is_now = self.reported[currency][period], self.opening[currency][period]
            if was != is_now:
                was, is_now = (to_major_rate(rate, currency, self.target) for rate in (was, is_now))
                notes.append(
                    f"fx_rate from {currency} to {self.target}: {float(was):.6g} when it was "
                    f"closed, now {float(is_now):.6g}"
                )
        return notes

    def notes(self, shown: Container[str | None]) -> list[str]:
        """Describe the currencies missing from the converted totals.

        Args:
            shown: The currencies in the output.
        """
        return [
            f"no rate from {currency} to {self.target} is known for {day}: amounts in {currency} "
            f"are shown in {currency} and are not in the {self.target} totals"
            for currency, day in sorted(self.left_out.items())
            if currency in shown
        ]


def build_conversion(  # noqa: PLR0913 - the last three are choices, by keyword
    rates: ExchangeRates,
    target: str,
    periods: Sequence[Period],
    since: Mapping[str, datetime],
    *,
    openings: bool,
    day_of: FxRate = "period_end",
    known: Callable[[date], ExchangeRates] | None = None,
) -> Conversion:
    """Build the rates into a currency for some periods.

    A currency is converted in every period or, if a rate is missing, in none: so closings
    stay openings.

    Args:
        rates: The quoted rates.
        target: The currency to convert to.
        periods: The periods.
        since: Currency → the first instant with money in it.
        openings: Also use rates of the opening. Without it the closing's are used for both:
            rates of change should not move with the exchange.
        day_of: The policy's choice of the day.
        known: Day → the rates known at the report of the MRR before it; rates unknown then
            are taken from `rates`.
    """
    finder = _RateFinder(rates, target, day_of, known)
    opening: dict[str, tuple[Fraction, ...]] = {}
    closing: dict[str, tuple[Fraction, ...]] = {}
    reported: dict[str, tuple[Fraction, ...]] = {}
    left_out: dict[str, date] = {}
    for currency in (code for code in since if code != target):
        find, begun = partial(finder.find, currency), since[currency]
        ends = [find(p.end, p.end, paid=p.ends_at > begun) for p in periods]
        starts = stated = ends
        if openings:
            starts = [find(p.start, p.end, paid=p.starts_at > begun) for p in periods]
            stated = [find(p.start, p.start, paid=p.starts_at > begun) for p in periods]
        missing = [day for day, rate in (*starts, *ends) if rate is None]
        if missing:
            left_out[currency] = min(missing)
        else:
            closing[currency] = _limit_rates(ends)
            opening[currency], reported[currency] = _limit_rates(starts), _limit_rates(stated)
    return Conversion(target, opening, closing, reported, left_out)


class _RateFinder(Struct, frozen=True):
    rates: ExchangeRates
    target: str
    day_of: FxRate
    known: Callable[[date], ExchangeRates] | None

    def find(self, currency: str, turn: date, stated: date, *, paid: bool) -> _Needed:
        """Find the day and rate for money just before a day.

        Args:
            currency: The currency to convert.
            turn: The day.
            stated: The day of the report whose knowledge counts.
            paid: Whether there was money yet; else the rate is 0.
        """
        day = _choose_rate_day(self.day_of, turn)
        if not paid:
            return day, Fraction(0)
        then = self.known(stated).minor(day, currency, self.target) if self.known else None
        return day, then if then is not None else self.rates.minor(day, currency, self.target)


def _choose_rate_day(choice: FxRate, turn: date) -> date:
    """Return the day of the rates for money just before `turn`.

    It is the same for every period with that end, so closings stay openings.
    """
    last = turn - timedelta(days=1)
    if choice == "month_start":
        return last.replace(day=1)
    return turn.replace(day=1) - timedelta(days=1) if choice == "month_end" else last


def _limit_rates(needed: Iterable[_Needed]) -> tuple[Fraction, ...]:
    """Return rates safe for exact multiplication and division in 64-bit integers."""
    return tuple(_limit_rate(rate or Fraction(0)) for _, rate in needed)


def _limit_rate(rate: Fraction) -> Fraction:
    if rate.numerator * rate.denominator <= _MAX_PRODUCT:
        return rate
    return rate.limit_denominator(max(1, isqrt(int(_MAX_PRODUCT / rate)) - 1))

"""Expected loss of MRR within a horizon, with an interval that past errors widen."""

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from cs_sync.foresight.observations import DAYS_PER_MONTH
from cs_sync.metrics.intervals import Z_90

MIN_HORIZONS = 2
"""With fewer horizons apart behind it, the spread of errors is unknown, and so is an interval."""


class AccountRisk(Struct, frozen=True):
    """An account's probability of leaving within the horizon, and its MRR in minor units."""

    probability: float
    mrr: int


class LossMoments(Struct, frozen=True):
    """Mean, variance and third central moment of the lost MRR, if accounts leave independently."""

    mean: float
    variance: float
    third: float


class PastForecast(Struct, frozen=True):
    """What a walk-forward forecast expected at an earlier month end, and what was lost."""

    expected: LossMoments
    lost: int


class ExpectedLoss(Struct, frozen=True):
    """The MRR expected to be lost, in minor units, with its 90 % interval.

    `spread` is the relative error of whole months beyond chance; `covered` says in how many of
    `judged` past months the interval, widened by the other months, held the truth. Low and
    high are None where too few horizons are over.
    """

    expected: float
    low: float | None
    high: float | None
    spread: float | None
    covered: int
    judged: int

    @property
    def coverage(self) -> float | None:
        """The achieved coverage of the interval; None where nothing could be judged."""
        return self.covered / self.judged if self.judged else None


def calculate_moments(accounts: Iterable[AccountRisk]) -> LossMoments:
    """Calculate the moments of the lost MRR.

    It is a sum of independent yes-or-no losses.
    """
    mean = variance = third = 0.0
    for account in accounts:
        p, mrr = account.probability, float(account.mrr)
        mean += p * mrr
        variance += p * (1 - p) * mrr**2
        third += p * (1 - p) * (1 - 2 * p) * mrr**3
    return LossMoments(mean, variance, third)


def convert_forecast(
    forecasts: Mapping[str, PastForecast], rates: Mapping[str, float]
) -> PastForecast:
    """Add up one month end's forecasts of several currencies, converted into one.

    Args:
        forecasts: Currency → its forecast.
        rates: Currency → its rate, from minor units to minor units; others are left out.
    """
    known = [(forecast, rates[code]) for code, forecast in forecasts.items() if code in rates]
    expected = LossMoments(
        math.fsum(forecast.expected.mean * rate for forecast, rate in known),
        math.fsum(forecast.expected.variance * rate**2 for forecast, rate in known),
        math.fsum(forecast.expected.third * rate**3 for forecast, rate in known),
    )
    return PastForecast(
        expected, round(math.fsum(forecast.lost * rate for forecast, rate in known))
    )


def count_overlap(horizon_days: int) -> int:
    """Count the month ends that one horizon covers."""
    return max(1, math.ceil(horizon_days / DAYS_PER_MONTH))


def estimate_loss(
    accounts: Iterable[AccountRisk], past: Sequence[PastForecast], overlap: int
) -> ExpectedLoss:
    """Estimate the MRR that is lost within the next horizon.

    Departures within a month have causes in common (a price change, a competitor, a bad
    model), so that chance alone covers too little: the variance is that of independent
    losses plus (spread × expected)², the spread being that of past errors.

    Args:
        accounts: The accounts of today.
        past: The walk-forward forecasts of earlier month ends, all horizons complete.
        overlap: How many month ends one horizon covers: so many errors are one observation.
    """
    now = calculate_moments(accounts)
    interval = _build_interval(now, past, overlap)
    if interval is None:
        return ExpectedLoss(now.mean, None, None, None, 0, 0)
    hits = [
        held[0] <= forecast.lost <= held[1]
        for place, forecast in enumerate(past)
        if (held := _build_interval(forecast.expected, _leave_out(past, place, overlap), overlap))
    ]
    return ExpectedLoss(now.mean, *interval, estimate_spread(past), sum(hits), len(hits))


def estimate_spread(past: Sequence[PastForecast]) -> float:
    """Estimate the relative error of whole months beyond chance, by moments.

    τ² = Σ ((lost − expected)² − variance) ÷ Σ expected², at least 0: the excess of squared
    errors, as between studies (DerSimonian and Laird, 1986).
    """
    excess = sum(
        (forecast.lost - forecast.expected.mean) ** 2 - forecast.expected.variance
        for forecast in past
    )
    scale = sum(forecast.expected.mean**2 for forecast in past)
    return math.sqrt(max(0.0, excess / scale)) if scale else 0.0


def _leave_out(past: Sequence[PastForecast], place: int, overlap: int) -> list[PastForecast]:
    """Select the forecasts whose horizons do not overlap a given one's."""
    return [forecast for other, forecast in enumerate(past) if abs(other - place) >= overlap]


def _build_interval(
    moments: LossMoments, past: Sequence[PastForecast], overlap: int
) -> tuple[float, float] | None:
    horizons = len(past) // overlap
    if horizons < MIN_HORIZONS:
        return None
    widening = _get_t_point(horizons) / Z_90 * estimate_spread(past) * moments.mean
    deviation = math.hypot(math.sqrt(moments.variance), widening)
    if not deviation:
        return moments.mean, moments.mean
    # the first term of the expansion of Cornish and Fisher, 1938: few large accounts lean it
    lean = (Z_90**2 - 1) / 6 * moments.third / deviation**2
    half = Z_90 * deviation
    return max(0.0, moments.mean + lean - half), moments.mean + lean + half


def _get_t_point(degrees: int) -> float:
    """Compute the two-sided 90 % point of Student's t.

    By its expansion (Fisher, 1925).
    """
    z = Z_90
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3

"""How far a value may be off by chance: 95 % intervals."""

import math

_Z = 1.959963984540054
"""The two-sided 95 % point of the normal distribution."""

_ALIKE = 1e-9
"""Squares that differ by less of themselves differ by what floating point leaves over."""

Interval = tuple[float, float]


def wilson(successes: float, n: int) -> Interval | None:
    """The score interval of a proportion (E. B. Wilson, 1927).

    None without observations, and where the count is no part of the whole (more conversions than
    visitors): then it is no proportion.
    """
    if not 0 <= successes <= n or n == 0:
        return None
    share, z2 = successes / n, _Z * _Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == n else min(1.0, centre + half)


def nps_interval(promoters: int, detractors: int, n: int) -> Interval | None:
    """NPS ± z · 100 · √((p + d − (p − d)²) / n), p and d the shares; inside −100…100."""
    if n <= 0:
        return None
    p, d = promoters / n, detractors / n
    half = _Z * 100 * math.sqrt(max(0.0, p + d - (p - d) ** 2) / n)
    value = 100 * (p - d)
    return max(-100.0, value - half), min(100.0, value + half)


def poisson_interval(
    rate: float, events: int, variance: float | None, weight: float
) -> Interval | None:
    """A rate that rests on counted events, or is a weighted sum of such counts.

    The events are taken for independent of one another. Their own limits are Byar's approximation
    to the exact ones (Breslow and Day, Statistical Methods in Cancer Research II, 1987); those of
    the sum follow by Dobson, Kuulasmaa, Eberle and Scherer, 1991. `variance` is Σ weight² over the
    events, None where all weigh `weight`, which also stands for the weight of the first one to
    come.
    """
    if events < 0:
        return None
    per_event = math.sqrt(variance / events) if variance is not None and events else weight
    few, more = events, events + 1
    low = few * (1 - 1 / (9 * few) - _Z / (3 * math.sqrt(few))) ** 3 if few else 0.0
    high = more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3
    return max(0.0, rate + per_event * (low - events)), rate + per_event * (high - events)


def log_interval(value: float, variance: float | None) -> Interval | None:
    """A positive quotient whose logarithm has this variance: value × e^(± z √variance).

    The delta method; of a quotient of two shares it is the interval of Katz, Baptista, Azen and
    Pike, 1978. None where the variance is unknown, as after a count of none.
    """
    if variance is None or value <= 0:
        return None
    factor = math.exp(_Z * math.sqrt(max(0.0, variance)))
    return value / factor, value * factor


def ratio_interval(y: float, x: float, yy: float, xy: float, xx: float, n: int) -> Interval | None:
    """A ratio of sums Σy ÷ Σx over n units, linearised (Cochran, Sampling Techniques, ch. 6).

    None with fewer than two units or nothing to divide by, and where all units are alike: what
    has not been seen to vary has no known error, rather than none.
    """
    if n < 2 or x == 0:
        return None
    ratio = y / x
    residual = yy - 2 * ratio * xy + ratio * ratio * xx
    if residual <= _ALIKE * (yy + ratio * ratio * xx):
        return None
    half = _Z * math.sqrt(residual * n / (n - 1)) / abs(x)
    return ratio - half, ratio + half

"""Confidence intervals, of 95 % unless another level is given."""

import math

Z_95 = 1.959963984540054
"""The two-sided 95 % point of the normal distribution."""

Z_90 = 1.6448536269514722
"""The two-sided 90 % point."""

_EQUAL_TOLERANCE = 1e-9
"""Squares that differ by less of themselves differ by what floating point leaves over."""

Interval = tuple[float, float]


def calculate_wilson_interval(successes: float, n: int, z: float = Z_95) -> Interval | None:
    """Calculate the score interval of a proportion (E. B. Wilson, 1927).

    Args:
        successes: The count.
        n: The number of cases.
        z: The two-sided point of the normal distribution.

    Returns:
        None without observations, or if the count exceeds the whole (more conversions than
        visitors): then it is not a proportion.
    """
    if not 0 <= successes <= n or n == 0:
        return None
    share, z2 = successes / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == n else min(1.0, centre + half)


def compare_proportions(
    first_counts: tuple[int, int], second_counts: tuple[int, int], z: float = Z_95
) -> tuple[float, float, float] | None:
    """Return the difference of two proportions with its interval.

    The interval is method 10 of R. G. Newcombe, 1998.

    Args:
        first_counts: (successes, cases).
        second_counts: (successes, cases).
        z: The two-sided point of the normal distribution.

    Returns:
        (difference, low, high); None if either has no cases.
    """
    first = calculate_wilson_interval(*first_counts, z)
    second = calculate_wilson_interval(*second_counts, z)
    if first is None or second is None:
        return None
    p, q = first_counts[0] / first_counts[1], second_counts[0] / second_counts[1]
    low = math.hypot(p - first[0], second[1] - q)
    high = math.hypot(first[1] - p, q - second[0])
    return p - q, p - q - low, p - q + high


def calculate_nps_interval(promoters: int, detractors: int, n: int) -> Interval | None:
    """Calculate the interval of NPS.

    NPS ± z · 100 · √((p + d − (p − d)²) / n), limited to −100…100; p and d are the shares
    of promoters and detractors. None if n is 0.
    """
    if n <= 0:
        return None
    p, d = promoters / n, detractors / n
    half = Z_95 * 100 * math.sqrt(max(0.0, p + d - (p - d) ** 2) / n)
    value = 100 * (p - d)
    return max(-100.0, value - half), min(100.0, value + half)


def calculate_poisson_interval(
    rate: float, events: int, variance: float | None, weight: float
) -> Interval | None:
    """Calculate the interval of a rate from a (weighted) count.

    The events are assumed independent. Their own limits are Byar's approximation to the
    exact ones (Breslow and Day, Statistical Methods in Cancer Research II, 1987); the
    limits of the sum follow Dobson, Kuulasmaa, Eberle and Scherer, 1991.

    Args:
        rate: The rate.
        events: The number of events.
        variance: Σ weight² over the events; None if all weigh `weight`.
        weight: The weight of one event, also of the first future one.
    """
    if events < 0:
        return None
    per_event = math.sqrt(variance / events) if variance is not None and events else weight
    few, more = events, events + 1
    low = few * (1 - 1 / (9 * few) - Z_95 / (3 * math.sqrt(few))) ** 3 if few else 0.0
    high = more * (1 - 1 / (9 * more) + Z_95 / (3 * math.sqrt(more))) ** 3
    return max(0.0, rate + per_event * (low - events)), rate + per_event * (high - events)


def calculate_log_interval(value: float, variance: float | None) -> Interval | None:
    """Calculate the interval of a positive quotient from its log variance.

    It is value × e^(± z √v), by the delta method; for a quotient of two shares it is the
    interval of Katz, Baptista, Azen and Pike, 1978. None if the variance is unknown, as after a
    count of 0.
    """
    if variance is None or value <= 0:
        return None
    factor = math.exp(Z_95 * math.sqrt(max(0.0, variance)))
    return value / factor, value * factor


def calculate_ratio_interval(
    y: float, x: float, yy: float, xy: float, xx: float, n: int
) -> Interval | None:
    """Calculate the interval of Σy ÷ Σx over n units by linearisation.

    See Cochran, Sampling Techniques, ch. 6.

    Returns:
        None with fewer than two units, with a zero denominator, or if all units are alike:
        without observed variation the error is unknown, not zero.
    """
    if n < 2 or x == 0:
        return None
    ratio = y / x
    residual = yy - 2 * ratio * xy + ratio * ratio * xx
    if residual <= _EQUAL_TOLERANCE * (yy + ratio * ratio * xx):
        return None
    half = Z_95 * math.sqrt(residual * n / (n - 1)) / abs(x)
    return ratio - half, ratio + half

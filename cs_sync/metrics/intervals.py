"""How far a value may be off by chance: 95 % intervals."""

import math

_Z = 1.959963984540054
"""The two-sided 95 % point of the normal distribution."""

Interval = tuple[float, float]


def wilson(successes: int, n: int) -> Interval | None:
    """The score interval of a proportion (E. B. Wilson, 1927).

    None without observations, and where the count is no part of the whole (more conversions than
    visitors): then it is no proportion.
    """
    if not 0 <= successes <= n or n == 0:
        return None
    share, z2 = successes / n, _Z * _Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def nps_interval(promoters: int, detractors: int, n: int) -> Interval | None:
    """NPS ± z · 100 · √((p + d − (p − d)²) / n), p and d the shares; inside −100…100."""
    if n <= 0:
        return None
    p, d = promoters / n, detractors / n
    half = _Z * 100 * math.sqrt(max(0.0, p + d - (p - d) ** 2) / n)
    value = 100 * (p - d)
    return max(-100.0, value - half), min(100.0, value + half)


def ratio_interval(y: float, x: float, yy: float, xy: float, xx: float, n: int) -> Interval | None:
    """A ratio of sums Σy ÷ Σx over n units, linearised (Cochran, Sampling Techniques, ch. 6).

    None with fewer than two units or nothing to divide by.
    """
    if n < 2 or x == 0:
        return None
    ratio = y / x
    residual = max(0.0, yy - 2 * ratio * xy + ratio * ratio * xx)
    half = _Z * math.sqrt(residual * n / (n - 1)) / abs(x)
    return ratio - half, ratio + half

"""Causes of churn: how often accounts leave by what was known of them before."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from cs_sync.foresight.comparisons import (
    Counts,
    adjust_p_values,
    calculate_exact_p,
    calculate_risk_ratio,
)
from cs_sync.foresight.observations import Window
from cs_sync.foresight.survival import (
    Lifetime,
    compare_survival,
    count_by_tenure,
    estimate_survival,
    get_survival,
)

Method = Literal["crosstab", "logistic", "survival"]
Levels = Mapping[str, Sequence[str | None]]
"""Factor → the levels that hold, several for topics; None is unknown."""
MAX_LEVELS = 12
"""Levels of a factor that are shown by themselves; rarer ones are one more."""
MIN_LEVEL = 10
"""A level with fewer cases is one of the others."""
OTHERS = "(others)"
YEAR = 365
TENURE_CLASSES = ((3, "00-03 months"), (12, "03-12 months"), (24, "12-24 months"))
LONGEST_TENURE = "24+ months"
SILENCE_EDGES = (7, 14, 30, 60)
"""Days since the last use at which the classes begin."""
SILENCE_RULES = (14, 30)
"""Days without use that are said to announce a departure."""


class Case(Struct, frozen=True):
    """An account at a month end: what was known of it, and whether it left in the horizon."""

    account: str
    churned: bool
    levels: Levels = field(default_factory=dict)
    values: Mapping[str, float | None] = field(default_factory=dict)


class Cause(Struct, frozen=True):
    """How often accounts of a level left, beside all others.

    `effect` is how many times as often (or as fast) they left as the others, with its 95 %
    interval in `effect_low` and `effect_high`; `p` is adjusted for the comparisons of the
    method.
    """

    method: Method
    factor: str
    level: str | None
    counts: Counts
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    effect: tuple[float, float, float] | None = None
    p: float | None = None


def select_apart(windows: Sequence[Window]) -> list[Window]:
    """Select the latest horizons that do not overlap, oldest first.

    So an account counts once in each, and whether it left is a new question each time.
    """
    apart: list[Window] = []
    for window in reversed(windows):
        if not apart or window.closes_at <= apart[-1].opens_at:
            apart.append(window)
    return apart[::-1]


def classify_tenure(months: float) -> str:
    """Classify the months since the first MRR, as the metric `churn_hazard` does."""
    return next((name for edge, name in TENURE_CLASSES if months < edge), LONGEST_TENURE)


def rank_deciles(values: Mapping[str, float]) -> dict[str, str]:
    """Rank accounts into deciles of a value.

    1 is the lowest; equal values share one.
    """
    ordered = sorted(values.values())
    deciles = {}
    for account, value in values.items():
        middle = (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2
        deciles[account] = str(min(int(10 * middle / len(ordered)) + 1, 10))
    return deciles


def compare_levels(cases: Sequence[Case]) -> list[Cause]:
    """Compare every level of every factor with all other accounts: the cross-tabs.

    Factors with one level only say nothing and are left out.
    """
    rows = []
    for factor in sorted({name for case in cases for name in case.levels}):
        known = [case for case in cases if factor in case.levels]
        whole = Counts(len(known), sum(case.churned for case in known))
        levels = _count_levels(known, factor)
        if len(levels) > 1:
            rows += [
                _compare_level(factor, level, counts, whole) for level, counts in levels.items()
            ]
    return adjust_causes(rows)


def _count_levels(cases: Sequence[Case], factor: str) -> dict[str | None, Counts]:
    """Count by level, in the order of the levels.

    Rare levels are one, unknown ones last.
    """
    sizes = Counter(level for case in cases for level in case.levels[factor])
    ranked = [level for level, n in sizes.most_common() if n >= MIN_LEVEL or level is None]
    kept = {*ranked[:MAX_LEVELS], None}
    totals: Counter[str | None] = Counter()
    left: Counter[str | None] = Counter()
    for case in cases:
        for level in {own if own in kept else OTHERS for own in case.levels[factor]}:
            totals[level] += 1
            left[level] += case.churned
    ordered = sorted(totals, key=lambda level: (level is None, level == OTHERS, _sort_key(level)))
    return {level: Counts(totals[level], left[level]) for level in ordered}


def _sort_key(level: str | None) -> tuple[int, str]:
    """Return the sort key of a level: numbers by their value."""
    text = level or ""
    return (int(text), "") if text.isdecimal() else (0, text)


def _compare_level(
    factor: str, level: str | None, counts: Counts, whole: Counts, method: Method = "crosstab"
) -> Cause:
    rest = whole.subtract(counts)
    low, high = counts.interval or (None, None)
    ratio, p = calculate_risk_ratio(counts, rest), calculate_exact_p(counts, rest)
    return Cause(method, factor, level, counts, counts.rate, low, high, ratio, p)


def adjust_causes(causes: Sequence[Cause]) -> list[Cause]:
    """Adjust the p-values of one method for the number of its comparisons."""
    adjusted = iter(adjust_p_values([cause.p for cause in causes if cause.p is not None]))
    return [replace(row, p=None if row.p is None else next(adjusted)) for row in causes]


def compare_survival_by_level(
    lifetimes: Mapping[str, Lifetime], levels: Mapping[str, Mapping[str, str]]
) -> list[Cause]:
    """Compare survival by attribute.

    The share lost in a year, and the log-rank comparison.

    Args:
        lifetimes: Account → its life as a customer.
        levels: Attribute → account → its value.
    """
    rows = []
    for factor, values in levels.items():
        sizes = Counter(values[account] for account in lifetimes if account in values)
        kept = {level for level, n in sizes.most_common(MAX_LEVELS) if n >= MIN_LEVEL}
        groups: dict[str, list[Lifetime]] = defaultdict(list)
        for account, life in lifetimes.items():
            if account in values:
                level = values[account]
                groups[level if level in kept else OTHERS].append(life)
        if len(groups) > 1:
            rows += [
                _compare_group(factor, level, groups)
                for level in sorted(groups, key=lambda level: (level == OTHERS, level))
            ]
    return rows


def _compare_group(factor: str, level: str, groups: Mapping[str, Sequence[Lifetime]]) -> Cause:
    own = groups[level]
    others = [life for name, lives in groups.items() if name != level for life in lives]
    comparison = compare_survival(own, others)
    lost = _get_loss_in_a_year(own)
    counts = Counts(len(own), sum(life.left for life in own))
    return Cause(
        "survival", factor, level, counts, *lost, comparison.hazard_ratio, comparison.p_value
    )


def _get_loss_in_a_year(
    lives: Sequence[Lifetime],
) -> tuple[float | None, float | None, float | None]:
    """Estimate the share lost within a year, with its interval.

    None where nobody is that old.
    """
    if max(life.days for life in lives) < YEAR:
        return None, None, None
    point = get_survival(estimate_survival(lives), YEAR)
    return (0.0, None, None) if point is None else (
        1 - point.survival, 1 - point.high, 1 - point.low
    )  # fmt: skip


def compare_tenure_months(lifetimes: Iterable[Lifetime], today: date) -> list[Cause]:
    """Compare the hazard of each month of tenure with all others.

    Renewals show as spikes.
    """
    months = count_by_tenure(lifetimes, today)
    whole = Counts(
        sum(counts_of_month.n for counts_of_month in months),
        sum(counts_of_month.churned for counts_of_month in months),
    )
    return [
        _compare_level("tenure_month", str(month), counts, whole, "survival")
        for month, counts in enumerate(months)
        if counts.n >= MIN_LEVEL
    ]


def compare_days_since_use(cases: Sequence[Case], signal: str) -> list[Cause]:
    """Compare churn by days since the last use.

    By class, and by the rules of 14 and 30 days.
    """
    known = [(value, case) for case in cases if (value := case.values.get(signal)) is not None]
    whole = Counts(len(known), sum(case.churned for _, case in known))
    spans = [
        *((f"{low}-{high - 1}", low, high) for low, high in _list_spans()),
        *((f"{edge}+", edge, None) for edge in (SILENCE_EDGES[-1], *SILENCE_RULES)),
    ]
    rows = []
    for level, low, high in spans:
        own = [c for value, c in known if value >= low and (high is None or value < high)]
        counts = Counts(len(own), sum(case.churned for case in own))
        if counts.n >= MIN_LEVEL:
            rows.append(_compare_level("days_since_use", level, counts, whole, "survival"))
    return rows


def _list_spans() -> list[tuple[int, int]]:
    edges = (0, *SILENCE_EDGES)
    return list(pairwise(edges))

"""KPI rows from a metric's statement: value, interval, status."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal

from cs_sync.metrics.intervals import (
    Interval,
    calculate_log_interval,
    calculate_nps_interval,
    calculate_poisson_interval,
    calculate_ratio_interval,
    calculate_wilson_interval,
)
from cs_sync.metrics.metric import Metric, Scope, Unit
from cs_sync.metrics.sql.scaling import scale_rate

Status = Literal["final", "provisional", "insufficient", "stale"]
Row = Mapping[str, Any]
Group = tuple[tuple[str | None, ...], str | None]


@dataclass(frozen=True, slots=True)
class KpiRow:
    """One value of a metric for one period, segment and currency; None if undefined."""

    metric: str
    period_start: date
    period_end: date
    """The first day that no longer belongs to the period."""
    segment: Mapping[str, str | None]
    currency: str | None
    value: float | int | None
    unit: Unit
    numerator: float | int | None
    denominator: float | int | None
    n: int | None
    low: float | None
    high: float | None
    policy: str
    status: Status
    stale_since: datetime | None

    def json(self) -> dict[str, Any]:
        """Return a flat object in field order.

        Days as YYYY-MM-DD, instants as ISO 8601.
        """
        return {
            "metric": self.metric,
            "period_start": self.period_start.isoformat(),
            "period_end": self.period_end.isoformat(),
            "segment": dict(self.segment),
            "currency": self.currency,
            "value": self.value,
            "unit": self.unit,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "n": self.n,
            "low": self.low,
            "high": self.high,
            "policy": self.policy,
            "status": self.status,
            "stale_since": self.stale_since.isoformat() if self.stale_since else None,
        }


_ZERO_ROW: Row = {"numerator": 0, "denominator": None, "n": 0}


def build_kpi_rows(
    metric: Metric, scope: Scope, rows: Iterable[Row], *, stale_since: datetime | None = None
) -> list[KpiRow]:
    """Build a KPI row per period, segment and currency.

    A period without a row has no facts yet: its value is None and its status insufficient.
    For a metric with dimensions, only combinations with a row in some period are included,
    as 0 in the others.

    Args:
        metric: The metric.
        scope: The scope of the statement.
        rows: The rows of the statement.
        stale_since: The instant of the last good data, if a stream failed.
    """
    scope = metric.restrict_scope(scope)
    by_group: dict[tuple[int, Group], Row] = {}
    names = [f"segment_{index}" for index in range(len(scope.by))]
    names += [f"dimension_{index}" for index in range(len(metric.dimensions))]
    for row in rows:
        segment = tuple(row[name] for name in names)
        by_group[row["period"], (segment, row["currency"])] = row
    groups = list(dict.fromkeys(group for _, group in by_group))
    if not groups and not names:
        groups = [((), None)]
    missing = _ZERO_ROW if metric.dimensions else None
    return [
        _build_kpi_row(
            metric, scope, period, group, by_group.get((period, group), missing), stale_since
        )
        for period in range(len(scope.periods))
        for group in groups
    ]


def _build_kpi_row(
    metric: Metric,
    scope: Scope,
    period: int,
    group: Group,
    row: Row | None,
    stale_since: datetime | None,
) -> KpiRow:
    numerator = _to_python_number(row["numerator"]) if row else None
    denominator = _to_python_number(row["denominator"]) if row else None
    interval = _calculate_interval(metric, row) if row and row is not _ZERO_ROW else None
    value = _calculate_value(metric, numerator, denominator)
    if metric.scaled_to is not None and value is not None:
        days, to = scope.periods[period].days, metric.scaled_to
        value = scale_rate(value, days, to)
        interval = interval and (
            scale_rate(interval[0], days, to),
            scale_rate(interval[1], days, to),
        )
    n = int(row["n"] or 0) if row else 0
    segment, currency = group
    return KpiRow(
        metric=metric.name,
        period_start=scope.periods[period].start,
        period_end=scope.periods[period].end,
        segment=dict(zip((*scope.by, *metric.dimensions), segment, strict=True)),
        currency=currency,
        value=value,
        unit=metric.unit,
        numerator=numerator,
        denominator=denominator,
        n=n,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        policy=scope.policy.hash,
        status=_determine_status(metric, scope, period, row, n, stale_since),
        stale_since=stale_since,
    )


def _calculate_value(
    metric: Metric, numerator: float | int | None, denominator: float | int | None
) -> float | int | None:
    """Divide numerator by denominator; return the numerator of a plain amount.

    Money is rounded to whole minor units, half-even; nothing else is rounded.
    """
    if numerator is None or (metric.divides and not denominator):
        return None
    exact = Fraction(numerator) * metric.scale
    if metric.divides:
        exact /= Fraction(denominator or 1)
    if metric.unit == "money_minor" or (metric.unit == "count" and exact.denominator == 1):
        return round(exact)
    return float(exact)


def _calculate_interval(metric: Metric, row: Row) -> Interval | None:
    n = int(row["n"] or 0)
    if metric.spread == "wilson":
        return calculate_wilson_interval(int(row["numerator"] or 0), int(row["denominator"] or 0))
    if metric.spread == "nps":
        return calculate_nps_interval(int(row["promoters"] or 0), int(row["detractors"] or 0), n)
    if metric.spread in ("poisson", "log"):
        return _calculate_event_interval(metric, row)
    if metric.spread == "ratio":
        y, x, yy, xy, xx = (
            float(row[key] or 0) for key in ("numerator", "denominator", "yy", "xy", "xx")
        )
        interval = calculate_ratio_interval(y, x, yy, xy, xx, n)
        floor, ceiling = metric.bounds
        if interval is None and metric.bounds == (0.0, 1.0) and x > 0:
            return calculate_wilson_interval(
                y / x * n, n
            )  # all units are alike: as if each were a yes or no
        return interval and (max(floor, interval[0]), min(ceiling, interval[1]))
    return None


def _calculate_event_interval(metric: Metric, row: Row) -> Interval | None:
    """Calculate the interval of a quotient of event counts."""
    if row["numerator"] is None or (metric.divides and not row["denominator"]):
        return None
    below = float(row["denominator"]) if metric.divides else 1.0
    value = float(row["numerator"]) / below
    variance = None if row["variance"] is None else float(row["variance"])
    if metric.spread == "log":
        return calculate_log_interval(value, variance)
    return calculate_poisson_interval(value, int(row["events"] or 0), variance, 1 / below)


def _determine_status(
    metric: Metric,
    scope: Scope,
    period: int,
    row: Row | None,
    n: int,
    stale_since: datetime | None,
) -> Status:
    if stale_since is not None:
        return "stale"
    if row is None or row["numerator"] is None or (metric.spread != "none" and n < scope.minimum_n):
        return "insufficient"
    days = metric.resolve_settings(scope)[metric.settles_after] if metric.settles_after else 0
    settled = scope.periods[period].ends_at + timedelta(days=days)
    if scope.observed_until is not None and settled > scope.observed_until:
        return "provisional"
    return "final"


def _to_python_number(value: Any) -> float | int | None:
    """Convert a database number: whole ones to int, of whichever type."""
    if value is None:
        return None
    exact = Fraction(value)
    return int(exact) if exact.denominator == 1 else float(exact)

"""Benchmarks of metrics, with the period each refers to."""

from typing import Literal

from msgspec import Struct

from cs_sync.metrics.sql.scaling import scale_rate

_MONTH_DAYS = 365 / 12


class Benchmark(Struct, frozen=True):
    """A value to stay below or above, with its source."""

    value: float
    better: Literal["below", "above"]
    source: str
    monthly: bool = False
    """Whether it is said of a month; only rates of churn are, and scale with the period."""

    def scale_to(self, days: int) -> float:
        """Return the value for a period of so many days."""
        if not self.monthly or 28 <= days <= 31:
            return self.value
        return scale_rate(self.value, _MONTH_DAYS, days)

    def is_met(self, value: float, days: int) -> bool:
        """Return whether a period's value meets the benchmark.

        The benchmark is scaled to the days of the period.
        """
        target = self.scale_to(days)
        return value < target if self.better == "below" else value > target


_DRIFT = "Drift, Customer success metrics"
_SKOK = "D. Skok, SaaS Metrics 2.0"

BENCHMARKS: dict[str, Benchmark] = {
    "customer_churn_rate": Benchmark(0.05, "below", _DRIFT, monthly=True),
    "gross_mrr_churn_rate": Benchmark(0.01, "below", _DRIFT, monthly=True),
    "net_mrr_churn_rate": Benchmark(0.0, "below", _DRIFT, monthly=True),
    "nrr": Benchmark(1.0, "above", "Standard reading: above 1 the base grows by itself"),
    "nps": Benchmark(50, "above", _DRIFT),
    "csat": Benchmark(0.8, "above", _DRIFT),
    "ltv_cac": Benchmark(3, "above", _SKOK),
    "cac_payback_months": Benchmark(12, "below", _SKOK),
}
"""Metric → what its sources call good. Drift gives no length of time with its rates of churn; they
are read as rates of a month, as the article's own example is."""

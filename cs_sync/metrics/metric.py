"""What a metric is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of customer success."""

    name: str

"""What became of the accounts in each band of the health score."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from cs_sync.foresight.bootstrap import find_interval, resample_sums
from cs_sync.foresight.panel import Ints, Panel
from cs_sync.metrics.intervals import Interval, calculate_wilson_interval

Z_90 = 1.6448536269514722
"""The two-sided 90 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class BandCount:
    """The accounts of a band at one cutoff, or at all of them, and those that left."""

    cutoff: date | None
    band: str
    accounts: int
    churned: int
    interval: Interval | None
    """Of the rate: of one cutoff Wilson's, of all the accounts' bootstrap; 90 %."""
    mrr: int
    mrr_churned: int


def count_bands(panel: Panel, rows: Ints, bands: Sequence[str]) -> list[BandCount]:
    """Count bands at each cutoff, then at all together, worst band first.

    Args:
        panel: The observations.
        rows: Those to count, all of one currency.
        bands: The bands in their order.
    """
    return list(_count_each(panel, rows, bands))


def _count_each(panel: Panel, rows: Ints, bands: Sequence[str]) -> Iterator[BandCount]:
    event, place = panel.flag("churn"), list(panel.bands)
    shown = [band for band in bands if band in place]
    for code, day in [*enumerate(panel.days), (-1, None)]:
        within = rows if day is None else rows[panel.cutoff[rows] == code]
        for band in shown:
            own = within[panel.band[within] == place.index(band)]
            if not len(own):
                continue
            left = own[event[own]]
            interval = (
                _resample_rate(panel, own, left)
                if day is None
                else calculate_wilson_interval(len(left), len(own), Z_90)
            )
            paid, lost = (int(panel.mrr[some].sum()) for some in (own, left))
            yield BandCount(day, band, len(own), len(left), interval, paid, lost)


def _resample_rate(panel: Panel, own: Ints, left: Ints) -> Interval | None:
    size = len(panel.names)
    sums = [np.bincount(panel.account[rows], minlength=size) for rows in (left, own)]
    present = sums[1] > 0
    drawn = resample_sums(np.column_stack(sums)[present].astype(np.float64))
    return find_interval(drawn[:, 0] / drawn[:, 1])

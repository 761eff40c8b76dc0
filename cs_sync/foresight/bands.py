"""What became of the accounts in each band of the health score."""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
from msgspec import Struct

from cs_sync.foresight.bootstrap import find_interval, resample_sums
from cs_sync.foresight.panel import Ints, Panel
from cs_sync.metrics.intervals import Interval, calculate_wilson_interval

Z_90 = 1.6448536269514722
"""The two-sided 90 % point of the normal distribution."""


class BandCount(Struct, frozen=True):
    """The accounts of a band at one cutoff, or at all of them, and those that left."""

    cutoff: date | None
    band: str
    accounts: int
    churned: int
    interval: Interval | None
    """Of the rate: of one cutoff Wilson's, of all the accounts' bootstrap; 90 %."""
    mrr: int
    mrr_churned: int
    mrr_interval: Interval | None = None
    """Of the share of MRR that left, of all cutoffs together: the accounts' bootstrap; 90 %."""


def count_bands(panel: Panel, rows: Ints, bands: Sequence[str]) -> list[BandCount]:
    """Count bands at each cutoff, then at all together, worst band first.

    Args:
        panel: The observations.
        rows: Those to count, all of one currency.
        bands: The bands in their order.
    """
    days = [
        _count_cutoff(panel, rows[panel.cutoff[rows] == code], bands, day)
        for code, day in enumerate(panel.days)
    ]
    return [count for day in days for count in day] + count_bands_together(panel, rows, bands)


def count_bands_together(panel: Panel, rows: Ints, bands: Sequence[str]) -> list[BandCount]:
    """Count bands of all cutoffs together, worst band first.

    Args:
        panel: The observations.
        rows: Those to count, their MRR in one currency.
        bands: The bands in their order.
    """
    return list(_count_cutoff(panel, rows, bands, None))


def _count_cutoff(
    panel: Panel, rows: Ints, bands: Sequence[str], day: date | None
) -> Iterator[BandCount]:
    event, place = panel.flag("churn"), list(panel.bands)
    for band in bands:
        own = rows[panel.band[rows] == place.index(band)] if band in place else rows[:0]
        if not len(own):
            continue
        left = own[event[own]]
        paid, lost = (int(panel.mrr[some].sum()) for some in (own, left))
        interval, mrr_interval = calculate_wilson_interval(len(left), len(own), Z_90), None
        if day is None:
            interval, mrr_interval = _resample_rates(panel, own, left)
        yield BandCount(day, band, len(own), len(left), interval, paid, lost, mrr_interval)


def _resample_rates(panel: Panel, own: Ints, left: Ints) -> tuple[Interval | None, Interval | None]:
    """Resample the shares of accounts and of MRR that left.

    Returns an interval of each. Where none or all left, every draw is the same: then the accounts'
    is Wilson's, and that of MRR is unknown.
    """
    if len(left) in (0, len(own)):
        accounts, gone = panel.count_accounts(own), panel.count_accounts(left)
        return calculate_wilson_interval(gone, accounts, Z_90), None
    size = len(panel.names)
    sums = [
        np.bincount(panel.account[rows], weights=weights, minlength=size)
        for rows in (left, own)
        for weights in (None, panel.mrr[rows])
    ]
    drawn = resample_sums(np.column_stack(sums)[sums[2] > 0].astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = drawn[:, :2] / drawn[:, 2:]
    return find_interval(rates[:, 0]), find_interval(rates[:, 1])

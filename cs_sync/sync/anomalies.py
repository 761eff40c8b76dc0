"""Detection of unusual counts, a sign of a broken export or a lost scope; pure.

Compares the current counts with those of earlier runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from msgspec import Struct

COMPARED_RUNS = 10
"""How many earlier runs are compared with."""
MIN_RUNS = 3
"""Fewer runs than this say nothing."""
MAX_COUNT_DROP = 0.5
"""A count deviates that is lower than the median by more than this share."""
MAX_FILL_RATE_DROP = 0.2
"""A field deviates whose share of filled rows is lower than the median by more than this."""
MIN_ROWS = 20
"""Smaller numbers of rows go up and down by themselves."""


class TableCounts(Struct, frozen=True):
    """The rows of a table, and the rows with a value per field."""

    rows: int
    filled: Mapping[str, int]

    def share(self, field: str) -> float | None:
        """Return the fill rate of a field; None without rows."""
        return self.filled.get(field, 0) / self.rows if self.rows else None


def describe_count_drop(now: int, earlier: Sequence[int]) -> str | None:
    """Describe an unusually low number of a stream's records.

    Unusual: far below the median and below every earlier run, as weekends recur weekly.

    Args:
        now: The records of this run.
        earlier: The records of earlier runs.
    """
    if len(earlier) < MIN_RUNS:
        return None
    usual = median(earlier)
    if usual < MIN_ROWS or now >= min(earlier) or now >= usual * (1 - MAX_COUNT_DROP):
        return None
    return f"gave {now:,} records; the median of the last {len(earlier)} runs is {usual:,.0f}"


def describe_row_drop(now: TableCounts, earlier: Sequence[TableCounts]) -> str | None:
    """Describe an unusually low number of stored rows.

    None if it is normal.

    Args:
        now: The current counts.
        earlier: The counts of earlier runs.
    """
    earlier = _select_comparable(earlier)
    usual = median(profile.rows for profile in earlier) if earlier else 0
    if now.rows >= usual * (1 - MAX_COUNT_DROP):
        return None
    return f"{now.rows:,} rows are left; the median of the last {len(earlier)} is {usual:,.0f}"


def describe_fill_rate_drops(now: TableCounts, earlier: Sequence[TableCounts]) -> Iterator[str]:
    """Yield a message per field filled far less than before.

    Args:
        now: The current counts.
        earlier: The counts of earlier runs.
    """
    earlier = _select_comparable(earlier)
    for field in now.filled:
        shares = [s for p in earlier if field in p.filled and (s := p.share(field)) is not None]
        share = now.share(field)
        if share is None or len(shares) < MIN_RUNS:
            continue
        usual = median(shares)
        if share < usual - MAX_FILL_RATE_DROP:
            yield f"{field} is filled in {share:.0%} of the rows; usual is {usual:.0%}"


def _select_comparable(earlier: Sequence[TableCounts]) -> Sequence[TableCounts]:
    """Return the counts of large tables; empty if they are too few."""
    large = [profile for profile in earlier if profile.rows >= MIN_ROWS]
    return large if len(large) >= MIN_RUNS else []

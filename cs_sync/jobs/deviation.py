"""Counts that fall out of line with the last runs: what a broken export or a lost scope looks like.

Pure: earlier counts and those of now go in, what deviates comes out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

RUNS = 10
"""How many earlier runs are compared with."""
ENOUGH = 3
"""Fewer runs than this say nothing."""
DROP = 0.5
"""A count deviates that is lower than the median by more than this share."""
FILL_DROP = 0.2
"""A field deviates whose share of filled rows is lower than the median by more than this."""
FLOOR = 20
"""Smaller numbers of rows go up and down by themselves."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How many rows there are, and in how many of them each field is filled."""

    rows: int
    filled: Mapping[str, int]

    def share(self, field: str) -> float | None:
        """The share of rows with this field; None without rows."""
        return self.filled.get(field, 0) / self.rows if self.rows else None


def count_deviates(now: int, earlier: Sequence[int]) -> str | None:
    """What is odd about the number of records a stream gave, given those of earlier runs.

    It must be far below the median and below every one of them: weekends come every week.
    """
    if len(earlier) < ENOUGH:
        return None
    usual = median(earlier)
    if usual < FLOOR or now >= min(earlier) or now >= usual * (1 - DROP):
        return None
    return f"gave {now:,} records; the median of the last {len(earlier)} runs is {usual:,.0f}"


def rows_deviate(now: Profile, earlier: Sequence[Profile]) -> str | None:
    """What is odd about the number of rows that are stored, given earlier profiles."""
    earlier = _telling(earlier)
    usual = median(profile.rows for profile in earlier) if earlier else 0
    if now.rows >= usual * (1 - DROP):
        return None
    return f"{now.rows:,} rows are left; the median of the last {len(earlier)} is {usual:,.0f}"


def fields_deviate(now: Profile, earlier: Sequence[Profile]) -> Iterator[str]:
    """Which fields are filled far less often than they were in earlier profiles."""
    earlier = _telling(earlier)
    for field in now.filled:
        shares = [s for p in earlier if field in p.filled and (s := p.share(field)) is not None]
        share = now.share(field)
        if share is None or len(shares) < ENOUGH:
            continue
        usual = median(shares)
        if share < usual - FILL_DROP:
            yield f"{field} is filled in {share:.0%} of the rows; usual is {usual:.0%}"


def _telling(earlier: Sequence[Profile]) -> Sequence[Profile]:
    """The profiles that are large enough, if they are many enough to say anything."""
    large = [profile for profile in earlier if profile.rows >= FLOOR]
    return large if len(large) >= ENOUGH else []

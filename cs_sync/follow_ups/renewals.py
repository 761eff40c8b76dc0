"""Dates of renewals."""

from datetime import UTC, datetime

from cs_sync.metrics.periods import add_months

YEAR = 12
"""Months of an annual plan; longer ones count, too."""


def count_months(interval: str, count: int) -> int:
    """Return the whole months of a billing interval.

    0 for days and weeks.
    """
    return count * {"month": 1, "year": YEAR}.get(interval, 0)


def find_renewal(
    started_at: datetime, paid_until: datetime | None, months: int, now: datetime
) -> datetime:
    """Find the next renewal.

    It is the end of what is paid, else the next anniversary.

    Args:
        started_at: Start of the subscription.
        paid_until: End of the last period on an invoice.
        months: Months between two renewals.
        now: The instant after which to look.
    """
    if paid_until is not None and paid_until > now:
        return paid_until
    begun, number = started_at.astimezone(UTC), 1
    while True:
        day = add_months(begun.date(), number * months)
        if (at := datetime.combine(day, begun.timetz())) > now:
            return at
        number += 1

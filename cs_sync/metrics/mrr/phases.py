"""Phases of a subscription's field, from observations and reported changes."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from cs_sync.metrics.mrr.books import SubscriptionHistory


class FieldPhase(Struct, frozen=True):
    """A value of a field, begun after `after` and by `by`.

    The time is exact if they are equal.
    """

    value: Any
    after: datetime | None = None
    by: datetime | None = None

    @property
    def began_at(self) -> datetime | None:
        """The start of the phase, if the source reported it."""
        return self.by if self.after == self.by else None


def build_phases(book: SubscriptionHistory, field: str) -> list[FieldPhase]:
    """Build the phases of a field in order, the present one last.

    A change holds the value before it, a sync the value at its time: the value after a
    change is that of the next of them.
    """
    now = getattr(book.subscription, field)
    points: list[tuple[datetime, bool, Any]] = [
        (c.happened_at, False, c.before[field]) for c in book.changes if field in c.before
    ]
    points += [
        (seen.changed_at, True, getattr(seen, field))
        for seen in (*book.past, book.subscription)
        if seen.changed_at is not None
    ]
    points.sort(key=lambda point: point[:2])
    if not points:
        return [FieldPhase(now)]
    at, seen, value = points[0]
    phases = [FieldPhase(value, None, at if seen else None)]
    for index, (at, seen, _) in enumerate(points):
        by, _, value = points[index + 1] if index + 1 < len(points) else (at, True, now)
        if not seen and value == phases[-1].value:  # it changed, and back again unseen
            phases.append(FieldPhase(_guess_next_value(field, value), at, at))
            seen, by = True, max(by, book.subscription.ended_at or by)
        if value != phases[-1].value:
            phases.append(FieldPhase(value, at, by if seen else at))
    return phases


def _guess_next_value(field: str, value: Any) -> Any:
    """Return the most likely value after this one."""
    if field == "collection_paused":
        return "void" if value is None else None
    return "active" if field == "status" else None

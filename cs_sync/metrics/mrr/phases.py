"""What a field of a subscription was from when to when, by what was seen and told of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cs_sync.metrics.mrr.books import SubscriptionBook


@dataclass(frozen=True, slots=True)
class Phase:
    """A field had this value; that began after `after` and by `by`, at a time that is told if
    they are the same.
    """

    value: Any
    after: datetime | None = None
    by: datetime | None = None

    @property
    def began_at(self) -> datetime | None:
        """When it began, where the source told."""
        return self.by if self.after == self.by else None


def phases_of(book: SubscriptionBook, field: str) -> list[Phase]:
    """The phases of a field in their order, the last one being the present.

    A change tells what was up to it, and a sync what was when it looked: what was after a change
    is what the next of them says.
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
        return [Phase(now)]
    at, seen, value = points[0]
    found = [Phase(value, None, at if seen else None)]
    for index, (at, seen, _) in enumerate(points):
        by, _, value = points[index + 1] if index + 1 < len(points) else (at, True, now)
        if not seen and value == found[-1].value:  # it changed, and back again unseen
            found.append(Phase(_other_than(field, value), at, at))
            seen, by = True, max(by, book.subscription.ended_at or by)
        if value != found[-1].value:
            found.append(Phase(value, at, by if seen else at))
    return found


def _other_than(field: str, value: Any) -> Any:
    """What a field most likely became when it ceased to be this."""
    if field == "collection_paused":
        return "void" if value is None else None
    return "active" if field == "status" else None

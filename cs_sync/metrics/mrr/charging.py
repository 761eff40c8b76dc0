"""When items on long intervals were charged, as it is then that a discount counts for them."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from cs_sync.metrics.mrr.facts import ItemFact, LineFact, SubscriptionFact
from cs_sync.metrics.mrr.normalise import per_month
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import interval_around

Rhythm = tuple[str, str, str, int]
"""Source and subscription, and how often."""


class Charging:
    """The instants at which an account's items are charged, as far as invoices are known.

    An item is charged when its interval begins anew, and when it changes itself.
    """

    def __init__(
        self,
        versions: Iterable[ItemFact],
        lines: Iterable[LineFact],
        free: Iterable[LineFact],
        subscriptions: Mapping[tuple[str, str], SubscriptionFact],
        policy: MrrPolicy,
    ) -> None:
        self._policy = policy
        self._anchors = {s.key: s.trial_end or s.started_at for s in subscriptions.values()}
        self._began: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        self._billed: dict[Rhythm, list[datetime]] = defaultdict(list)
        for version in sorted(versions, key=lambda one: one.valid_from):
            self._began[version.source, version.source_id].append(version.valid_from)
        for line in lines:
            if line.period_start is not None and line.interval is not None:
                sub, count = line.subscription_source_id or "", line.interval_count or 1
                self._billed[line.source, sub, line.interval, count].append(line.period_start)
        for moments in self._billed.values():
            moments.sort()
        self._free: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
        for line in free:
            if line.period_start is not None and line.period_end is not None:
                key = (line.source, line.subscription_source_id or "")
                self._free[key].append((line.period_start, line.period_end))

    def deciding(self, item: ItemFact, at: datetime) -> datetime:
        """The instant whose discounts count for an item at `at`: when it was charged last.

        At intervals up to a month it is `at` itself, and so it is where no invoice is known.
        """
        billed = self.billed(item)
        if not billed:
            return at
        began = _last(self._began[item.source, item.source_id], at)
        return max(self._turn(item, billed, at)[0], began or item.valid_from)

    def billed(self, item: ItemFact) -> Sequence[datetime]:
        """The known beginnings of an item's intervals; none where they are up to a month long."""
        if per_month(item.interval, item.interval_count, self._policy) >= 1:
            return ()
        key = (item.source, item.subscription_source_id, item.interval, item.interval_count)
        return self._billed.get(key, ())

    def following(self, item: ItemFact, at: datetime) -> datetime:
        """The first instant from `at` on at which an item is charged for an interval."""
        billed = self.billed(item)
        if not billed:
            return at
        start, end = self._turn(item, billed, at)
        return at if start == at else end

    def _turn(
        self, item: ItemFact, billed: Sequence[datetime], at: datetime
    ) -> tuple[datetime, datetime]:
        """The interval around an instant, counted from the last beginning that is known.

        Free time is charged with nothing: the interval in which it begins lasts until it is over.
        """
        anchor = _last(billed, at) or self._anchors.get(item.subscription, at)
        if anchor > at:
            return anchor, anchor
        free = sorted(time for time in self._free[item.subscription] if anchor < time[0] <= at)
        if free and at < free[-1][1]:
            last = free[0][0] - timedelta(microseconds=1)
            return interval_around(anchor, item.interval, item.interval_count, last)[0], free[-1][1]
        anchor = free[-1][1] if free else anchor
        return interval_around(anchor, item.interval, item.interval_count, at)


def _last(moments: Sequence[datetime], at: datetime) -> datetime | None:
    place = bisect_right(moments, at)
    return moments[place - 1] if place else None

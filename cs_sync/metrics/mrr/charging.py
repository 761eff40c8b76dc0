"""Charge times of items on long intervals, as these decide on discounts."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from cs_sync.metrics.mrr.facts import ItemFact, LineFact, SubscriptionFact
from cs_sync.metrics.mrr.normalise import get_monthly_frequency
from cs_sync.metrics.mrr.observations import ItemKey
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_interval

BillingRhythm = tuple[str, str, str, int]
"""Source and subscription, and how often."""


ItemInstant = tuple[ItemKey, datetime]


def list_item_changes(
    versions: Iterable[ItemFact], lines: Mapping[ItemKey, Sequence[LineFact]]
) -> Iterator[ItemInstant]:
    """Yield each instant at which an item changed.

    Its versions and prorations tell. A price that went and came back is one version, but it was
    charged when it came back.
    """
    yield from (((v.source, v.source_id), v.valid_from) for v in versions)
    for key, own in lines.items():
        for line in own:
            if line.is_proration and line.amount > 0 and line.period_start is not None:
                yield key, line.period_start


class ChargeSchedule:
    """The charge times of an account's items, as far as invoices are known.

    An item is charged when a new interval begins and when the item changes.
    """

    def __init__(
        self,
        began: Iterable[ItemInstant],
        lines: Iterable[LineFact],
        free: Iterable[LineFact],
        subscriptions: Mapping[tuple[str, str], SubscriptionFact],
        policy: MrrPolicy,
    ) -> None:
        self._policy = policy
        self._anchors = {s.key: s.trial_end or s.started_at for s in subscriptions.values()}
        self._began: dict[ItemKey, list[datetime]] = defaultdict(list)
        self._billed: dict[BillingRhythm, list[datetime]] = defaultdict(list)
        for item, at in sorted(began):
            self._began[item].append(at)
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

    def find_charge_time(self, item: ItemFact, at: datetime) -> datetime:
        """Find an item's last charge, whose discounts apply at `at`.

        With intervals up to a month, or without known invoices, it is `at` itself.
        """
        billed = self.billed(item)
        if not billed:
            return at
        began = _find_last(self._began[item.source, item.source_id], at)
        return max(self._turn(item, billed, at)[0], began or item.valid_from)

    def billed(self, item: ItemFact) -> Sequence[datetime]:
        """Return an item's known interval starts, above a month only."""
        if get_monthly_frequency(item.interval, item.interval_count, self._policy) >= 1:
            return ()
        key = (item.source, item.subscription_source_id, item.interval, item.interval_count)
        return self._billed.get(key, ())

    def list_charges(self, item: ItemFact) -> list[datetime]:
        """List the known charges of an item.

        None for intervals up to a month.
        """
        billed = self.billed(item)
        return [*billed, *self._began[item.source, item.source_id]] if billed else []

    def find_next_charge(self, item: ItemFact, at: datetime) -> datetime:
        """Return the first charge of an item's interval from `at` on."""
        billed = self.billed(item)
        if not billed:
            return at
        start, end = self._turn(item, billed, at)
        return at if start == at else end

    def _turn(
        self, item: ItemFact, billed: Sequence[datetime], at: datetime
    ) -> tuple[datetime, datetime]:
        """Return the interval around an instant, counted from the last known start."""
        anchor = _find_last(billed, at) or self._anchors.get(item.subscription, at)
        if anchor > at:
            return anchor, anchor
        free = sorted(time for time in self._free[item.subscription] if anchor < time[0] <= at)
        if free and at < free[-1][1]:
            last = free[0][0] - timedelta(microseconds=1)
            return find_interval(anchor, item.interval, item.interval_count, last)[0], free[-1][1]
        anchor = free[-1][1] if free else anchor
        return find_interval(anchor, item.interval, item.interval_count, at)


def _find_last(moments: Sequence[datetime], at: datetime) -> datetime | None:
    place = bisect_right(moments, at)
    return moments[place - 1] if place else None

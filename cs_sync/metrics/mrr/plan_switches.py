"""Plan switches: a cancellation and a new subscription as one change."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import ItemFact
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.service import ServicePeriod

SubscriptionRef = tuple[str, str]
"""Of a subscription."""
_MOMENT = timedelta(hours=1)
"""Items may be credited a moment before their subscription is over."""


def join_switches(
    services: Mapping[SubscriptionRef, ServicePeriod],
    versions: Sequence[ItemFact],
    policy: MrrPolicy,
) -> tuple[dict[SubscriptionRef, ServicePeriod], list[ItemFact]]:
    """Join a subscription to the younger one that replaces it.

    The policy sets the span between them. It runs on over a short gap, also over midnight or a
    month's edge, and does not count beside a successor created earlier. Changes on one day are one
    change anyway.
    """
    ends = {
        key: end for key, service in services.items() if (end := _find_end(service)) is not None
    }
    moved: dict[SubscriptionRef, datetime] = {}
    if policy.switch_span and ends:
        starts = sorted(
            candidate.starts_at
            for candidate in services.values()
            if candidate.counts(candidate.starts_at)
        )
        for key, end in ends.items():
            start = _find_successor_start(starts, services[key].starts_at, end, policy)
            if start is not None:
                moved[key] = start
    joined = {k: _move_end(s, moved[k]) if k in moved else s for k, s in services.items()}
    return joined, [_extend_version(version, ends, moved) for version in versions]


def _find_successor_start(
    starts: Sequence[datetime], begun: datetime, end: datetime, policy: MrrPolicy
) -> datetime | None:
    """Return the nearest start of a younger subscription to an end."""
    span = policy.switch_span
    near = starts[bisect_left(starts, end - span) : bisect_right(starts, end + span)]
    younger = [start for start in near if start > begun]
    nearest = min(younger, key=lambda start: (abs(start - end), start), default=None)
    return None if nearest is None or policy.are_one_change(*sorted((end, nearest))) else nearest


def _find_end(service: ServicePeriod) -> datetime | None:
    """Return the end of a counted subscription."""
    end = min((stop.at for stop in service.stops if stop.cause == "end"), default=None)
    return end if end is not None and end > service.starts_at else None


def _move_end(service: ServicePeriod, at: datetime) -> ServicePeriod:
    stops = (replace(stop, at=at) if stop.cause == "end" else stop for stop in service.stops)
    return replace(service, stops=tuple(stops))


def _extend_version(
    version: ItemFact,
    ends: Mapping[SubscriptionRef, datetime],
    moved: Mapping[SubscriptionRef, datetime],
) -> ItemFact:
    """Extend versions that lasted until the subscription's end to its new end."""
    until, end = moved.get(version.subscription), ends.get(version.subscription)
    if until is None or end is None or version.valid_to is None or version.valid_to >= until:
        return version
    return replace(version, valid_to=until) if end - version.valid_to < _MOMENT else version

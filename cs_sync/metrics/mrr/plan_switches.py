"""A plan that is changed by cancelling one subscription and creating another is one change."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cs_sync.metrics.mrr.facts import ItemFact
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.service import Service

Key = tuple[str, str]
"""Of a subscription."""
_MOMENT = timedelta(hours=1)
"""Items may be credited a moment before their subscription is over."""


def join_switches(
    services: Mapping[Key, Service], versions: Sequence[ItemFact], policy: MrrPolicy
) -> tuple[dict[Key, Service], list[ItemFact]]:
    """Let a subscription end when a younger one begins that replaces it within the policy's span.

    It runs on over a short gap, be that over midnight or a month's edge, and does not count beside
    its successor where that was created first. What happens on one day is one change anyway.
    """
    ends = {key: end for key, service in services.items() if (end := _end(service)) is not None}
    moved: dict[Key, datetime] = {}
    if policy.switch_span and ends:
        starts = sorted(one.starts_at for one in services.values() if one.counts(one.starts_at))
        for key, end in ends.items():
            start = _successor(starts, services[key].starts_at, end, policy)
            if start is not None:
                moved[key] = start
    joined = {k: _ending(s, moved[k]) if k in moved else s for k, s in services.items()}
    return joined, [_lasting(version, ends, moved) for version in versions]


def _successor(
    starts: Sequence[datetime], begun: datetime, end: datetime, policy: MrrPolicy
) -> datetime | None:
    """The begin nearest to an end, of what began later than what ended."""
    span = policy.switch_span
    near = starts[bisect_left(starts, end - span) : bisect_right(starts, end + span)]
    younger = [start for start in near if start > begun]
    nearest = min(younger, key=lambda start: (abs(start - end), start), default=None)
    return None if nearest is None or policy.nets(*sorted((end, nearest))) else nearest


def _end(service: Service) -> datetime | None:
    """When a subscription that counted was over."""
    end = min((stop.at for stop in service.stops if stop.cause == "end"), default=None)
    return end if end is not None and end > service.starts_at else None


def _ending(service: Service, at: datetime) -> Service:
    stops = (replace(stop, at=at) if stop.cause == "end" else stop for stop in service.stops)
    return replace(service, stops=tuple(stops))


def _lasting(
    version: ItemFact, ends: Mapping[Key, datetime], moved: Mapping[Key, datetime]
) -> ItemFact:
    """What a subscription had to its end lasts as long as it does now."""
    until, end = moved.get(version.subscription), ends.get(version.subscription)
    if until is None or end is None or version.valid_to is None or version.valid_to >= until:
        return version
    return replace(version, valid_to=until) if end - version.valid_to < _MOMENT else version

"""Walks what changed in a window through HubSpot's search, past its cap of 10,000 results.

A search may be paged by offset only, up to 10,000 results, and while it is paged every record
that somebody saves leaves the window and moves the rest up by one, so that one is skipped. So
each page is a new search instead, that begins at the last time seen ("keyset" paging):

    times   changed in [at, until), oldest first; what was seen at `at` is left out
    ids     where a whole page shares one time (imports): changed at `at`, by growing id
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cs_sync import Unmappable, Unreachable
from cs_sync_hubspot.api import SEARCH_LIMIT, next_after
from cs_sync_hubspot.mapping import Json, Kind

Search = Callable[[str, dict[str, Any]], Json]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands; as JSON it is the resume point.

    `at` is milliseconds since 1970, `seen` the ids already read at it, `past` the id after which
    to go on while a time is walked by ids, `read` how many records the walk has delivered.
    """

    at: int
    seen: tuple[str, ...] = ()
    past: str | None = None
    read: int = 0

    def as_json(self) -> dict[str, Any]:
        """For `Page.resume`."""
        return {"at": self.at, "seen": list(self.seen), "past": self.past, "read": self.read}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Place":
        """From `Window.resume`."""
        return cls(value["at"], tuple(value["seen"]), value["past"], value["read"])


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a walk: objects, where to go on (None: done), and how many there are in all.

    `expect` is the records of the whole window as far as this page can tell, None where a search
    sees a single time only.
    """

    items: Sequence[Json]
    place: Place | None
    expect: int | None


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970, as search filters want times; what is finer is cut off."""
    return int(instant.astimezone(UTC).timestamp()) * 1000 + instant.microsecond // 1000


def walk(
    search: Search, kind: Kind, place: Place, until: datetime, limit: int = SEARCH_LIMIT
) -> Iterator[Found]:
    """Pages of everything of a kind that changed from a place on and before `until`."""
    end = milliseconds(until)
    following: Place | None = place
    while following is not None:
        step = _by_times if following.past is None else _by_ids
        found = step(search, kind, following, end, limit)
        if found.items or found.place is None:
            yield found
        following = found.place


def _by_times(search: Search, kind: Kind, place: Place, end: int, limit: int) -> Found:
    body = search(kind.name, _query(kind, place.at, end, kind.modified, limit))
    items = body["results"]
    fresh = [item for item in items if str(item["id"]) not in place.seen]
    read = place.read + len(fresh)
    expect = read + body["total"] - len(items)
    if next_after(body) is None:
        return Found(fresh, None, expect)
    times = _times(kind, items)
    if not times or min(times.values()) < place.at:
        raise _no_progress(kind, "names no time after the last one")
    last = max(times.values())
    if min(times.values()) == last:
        return Found((), Place(last, past="0", read=place.read - _known(place, last)), None)
    seen = tuple(id_ for id_, at in times.items() if at == last)
    return Found(fresh, Place(last, seen, read=read), expect)


def _times(kind: Kind, items: Sequence[Json]) -> dict[str, int]:
    """Id → milliseconds of change, where it is told; the mapping rejects the others."""
    times: dict[str, int] = {}
    for item in items:
        with suppress(Unmappable):
            times[str(item["id"])] = milliseconds(kind.changed_at(item))
    return times


def _no_progress(kind: Kind, problem: str) -> Unreachable:
    return Unreachable(
        f"HubSpot: the search of {kind.name} goes on, but {problem}",
        "nothing stored is lost; if it happens again, report it to HubSpot",
    )


def _known(place: Place, at: int) -> int:
    """How many of those at `at` were counted before; walked by ids, they come once more."""
    return len(place.seen) if place.at == at else 0


def _by_ids(search: Search, kind: Kind, place: Place, end: int, limit: int) -> Found:
    later = {"propertyName": "hs_object_id", "operator": "GT", "value": place.past}
    query = _query(kind, place.at, min(place.at + 1, end), "hs_object_id", limit, later)
    body = search(kind.name, query)
    items = body["results"]
    read = place.read + len(items)
    if next_after(body) is None:
        following = Place(place.at + 1, read=read)
        return Found(items, following, None)
    past = max((str(item["id"]) for item in items), key=_number, default="0")
    if _number(past) <= _number(place.past or "0"):
        raise _no_progress(kind, "comes to no later id")
    return Found(items, Place(place.at, past=past, read=read), None)


def _number(id_: str) -> int:
    """HubSpot's ids are numbers; what is none is before all of them."""
    return int(id_) if id_.isdecimal() else 0


def _query(
    kind: Kind, at: int, end: int, sort: str, limit: int, *filters: dict[str, Any]
) -> dict[str, Any]:
    """The body of a search for what changed in `[at, end)`."""
    window = (
        {"propertyName": kind.modified, "operator": "GTE", "value": str(at)},
        {"propertyName": kind.modified, "operator": "LT", "value": str(end)},
    )
    return {
        "filterGroups": [{"filters": [*window, *filters]}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "properties": list(kind.properties),
        "limit": limit,
    }

"""Walks what changed in a window through HubSpot's search, past its cap of 10,000 results.

A search may be paged by offset only, up to 10,000 results, and while it is paged every record
that somebody saves leaves the window and moves the rest up by one, so that one is skipped. So
each page is a new search instead, that begins at the last time seen ("keyset" paging):

    times   changed in [at, until), oldest first; what was seen at `at` is left out
    ids     where a whole page shares one time (imports): changed at `at`, by growing id
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
    expect = read + body["total"] - len(items) if "total" in body else None
    if not items or next_after(body) is None:
        return Found(fresh, None, expect)
    first, last = (milliseconds(kind.changed_at(item)) for item in (items[0], items[-1]))
    if first == last:
        return Found((), Place(last, past="0", read=place.read - _known(place, last)), None)
    seen = tuple(str(i["id"]) for i in items if milliseconds(kind.changed_at(i)) == last)
    return Found(fresh, Place(last, seen, read=read), expect)


def _known(place: Place, at: int) -> int:
    """How many of those at `at` were counted before; walked by ids, they come once more."""
    return len(place.seen) if place.at == at else 0


def _by_ids(search: Search, kind: Kind, place: Place, end: int, limit: int) -> Found:
    later = {"propertyName": "hs_object_id", "operator": "GT", "value": place.past}
    query = _query(kind, place.at, min(place.at + 1, end), "hs_object_id", limit, later)
    body = search(kind.name, query)
    items = body["results"]
    read = place.read + len(items)
    if not items or next_after(body) is None:
        following = Place(place.at + 1, read=read)
        return Found(items, following, None)
    return Found(items, Place(place.at, past=str(items[-1]["id"]), read=read), None)


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

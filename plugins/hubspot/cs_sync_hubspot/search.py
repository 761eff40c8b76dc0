"""Search for changed objects in a window, beyond HubSpot's cap of 10,000 results.

A search is paged by offset only, up to 10,000 results, and every record saved meanwhile
leaves the window and moves the rest up by one, so that one is skipped. So each page is
a new search instead, from the last time seen ("keyset" paging):

    times   changed in [at, until), oldest first, without those already seen at `at`
    ids     where a whole page has the same time (imports): changed at `at`, by
        ascending id
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cs_sync import MappingError, Unreachable
from cs_sync_hubspot.api import SEARCH_LIMIT, find_next_cursor
from cs_sync_hubspot.mapping import ObjectType
from cs_sync_hubspot.objects import Json

Search = Callable[[str, dict[str, Any]], Json]


@dataclass(frozen=True, slots=True)
class SearchCursor:
    """The cursor of a search; as JSON it is the resume point.

    `at` is milliseconds since 1970, `seen` the ids already read at it, `past` the last id
    while one time is read by ids, `read` the number of records so far.
    """

    at: int
    seen: tuple[str, ...] = ()
    past: str | None = None
    read: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the cursor for `Page.resume`."""
        return {"at": self.at, "seen": list(self.seen), "past": self.past, "read": self.read}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SearchCursor":
        """Restore the cursor from `Window.resume`."""
        return cls(value["at"], tuple(value["seen"]), value["past"], value["read"])


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search: objects, next cursor (None: done), and the total.

    `expect` is the estimated number of records in the window, None where a search covers
    one time.
    """

    items: Sequence[Json]
    place: SearchCursor | None
    expect: int | None


def to_milliseconds(instant: datetime) -> int:
    """Return milliseconds since 1970, rounded down, for search filters."""
    return int(instant.astimezone(UTC).timestamp()) * 1000 + instant.microsecond // 1000


def search_changes(
    search: Search,
    kind: ObjectType,
    place: SearchCursor,
    until: datetime,
    limit: int = SEARCH_LIMIT,
) -> Iterator[SearchPage]:
    """Yield pages of objects changed from a cursor on, before `until`."""
    end = to_milliseconds(until)
    following: SearchCursor | None = place
    while following is not None:
        step = _search_by_time if following.past is None else _search_by_id
        result = step(search, kind, following, end, limit)
        if result.items or result.place is None:
            yield result
        following = result.place


def _search_by_time(
    search: Search, kind: ObjectType, place: SearchCursor, end: int, limit: int
) -> SearchPage:
    body = search(kind.name, _build_query(kind, place.at, end, kind.modified, limit))
    items = body["results"]
    fresh = [item for item in items if str(item["id"]) not in place.seen]
    read = place.read + len(fresh)
    expect = read + body["total"] - len(items)
    if find_next_cursor(body) is None:
        return SearchPage(fresh, None, expect)
    times = _read_times(kind, items)
    if not times or min(times.values()) < place.at:
        raise _no_progress_error(kind, "names no time after the last one")
    last = max(times.values())
    if min(times.values()) == last:
        return SearchPage(
            (), SearchCursor(last, past="0", read=place.read - _count_known(place, last)), None
        )
    ids_at_last = tuple(id_ for id_, at in times.items() if at == last)
    return SearchPage(fresh, SearchCursor(last, ids_at_last, read=read), expect)


def _read_times(kind: ObjectType, items: Sequence[Json]) -> dict[str, int]:
    """Map id → milliseconds of change.

    The mapping rejects those without a time.
    """
    times: dict[str, int] = {}
    for item in items:
        with suppress(MappingError):
            times[str(item["id"])] = to_milliseconds(kind.changed_at(item))
    return times


def _no_progress_error(kind: ObjectType, problem: str) -> Unreachable:
    return Unreachable(
        f"HubSpot: the search of {kind.name} continues, but {problem}",
        "nothing stored is lost; if it happens again, report it to HubSpot",
    )


def _count_known(place: SearchCursor, at: int) -> int:
    """Count the objects at `at` counted before.

    By ids they come again.
    """
    return len(place.seen) if place.at == at else 0


def _search_by_id(
    search: Search, kind: ObjectType, place: SearchCursor, end: int, limit: int
) -> SearchPage:
    later = {"propertyName": "hs_object_id", "operator": "GT", "value": place.past}
    query = _build_query(kind, place.at, min(place.at + 1, end), "hs_object_id", limit, later)
    body = search(kind.name, query)
    items = body["results"]
    read = place.read + len(items)
    if find_next_cursor(body) is None:
        following = SearchCursor(place.at + 1, read=read)
        return SearchPage(items, following, None)
    past = max((str(item["id"]) for item in items), key=_parse_id, default="0")
    if _parse_id(past) <= _parse_id(place.past or "0"):
        raise _no_progress_error(kind, "comes to no later id")
    return SearchPage(items, SearchCursor(place.at, past=past, read=read), None)


def _parse_id(id_: str) -> int:
    """Return a HubSpot id as a number; anything else sorts first."""
    return int(id_) if id_.isdecimal() else 0


def _build_query(
    kind: ObjectType, at: int, end: int, sort: str, limit: int, *filters: dict[str, Any]
) -> dict[str, Any]:
    """Return the body of a search for changes in `[at, end)`."""
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

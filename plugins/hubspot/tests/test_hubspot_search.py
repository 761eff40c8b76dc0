"""The keyset walk against a search that really filters, sorts, pages and caps."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import ge, gt, lt
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.mapping import ObjectType, build_object_types
from cs_sync_hubspot.search import SearchCursor, search_changes, to_milliseconds

KIND: ObjectType = build_object_types(HubSpotConfig.model_validate({"access_token": "x" * 9}))[
    "companies"
]
START = datetime(2026, 11, 1, tzinfo=UTC)
START_MS = to_milliseconds(START)
UNTIL = START + timedelta(days=1)


OPERATORS: dict[str, Callable[[int, int], bool]] = {"GTE": ge, "LT": lt, "GT": gt}


class Index:
    """A search index: id → milliseconds since START when it was changed last."""

    def __init__(self, changed: dict[int, int], cap: int = 10_000) -> None:
        self.changed = changed
        self.cap = cap
        self.queries: list[dict[str, Any]] = []

    def search(self, kind: str, query: dict[str, Any]) -> dict[str, Any]:
        assert kind == "companies"
        self.queries.append(query)
        actual = list(self.changed)
        for condition in _filters(query):
            actual = self._filter(actual, condition)
        by_id = query["sorts"][0]["propertyName"] == "hs_object_id"
        actual.sort(key=(lambda n: (n, 0)) if by_id else (lambda n: (self.changed[n], -n)))
        page = actual[: query["limit"]]
        assert len(page) <= self.cap
        more = {"paging": {"next": {"after": str(len(page))}}} if len(actual) > len(page) else {}
        return {"total": len(actual), "results": [self._item(n) for n in page], **more}

    def _filter(self, numbers: list[int], condition: dict[str, str]) -> list[int]:
        meets, limit = OPERATORS[condition["operator"]], int(condition["value"])
        if condition["propertyName"] == "hs_object_id":
            return [n for n in numbers if meets(n, limit)]
        return [n for n in numbers if meets(START_MS + self.changed[n], limit)]

    def _item(self, number: int) -> dict[str, Any]:
        at = START + timedelta(milliseconds=self.changed[number])
        return {"id": str(number), "properties": {KIND.modified: at.isoformat()}}


def _filters(query: dict[str, Any]) -> Sequence[dict[str, str]]:
    (group,) = query["filterGroups"]
    assert "after" not in query
    return list(group["filters"])


def read(index: Index, limit: int, place: SearchCursor | None = None) -> list[str]:
    start = place or SearchCursor(to_milliseconds(START))
    return [
        i["id"] for f in search_changes(index.search, KIND, start, UNTIL, limit) for i in f.items
    ]


@pytest.mark.slow("reads twelve thousand companies")
def test_more_than_the_cap_is_read_once_each() -> None:
    index = Index({n: n // 3 for n in range(1, 12_001)})
    actual = read(index, 200)
    assert len(actual) == 12_000
    assert set(actual) == {str(n) for n in range(1, 12_001)}
    assert len(index.queries) <= 62


def test_an_import_that_shares_one_time_is_walked_by_ids() -> None:
    changed = dict.fromkeys(range(1, 26), 5) | {100: 1, 101: 5, 102: 6}
    index = Index(changed)
    assert set(read(index, 10)) == {str(n) for n in changed}
    by_ids = [q for q in index.queries if q["sorts"][0]["propertyName"] == "hs_object_id"]
    assert len(by_ids) == 3


def test_a_record_saved_while_the_walk_goes_on_hides_no_other() -> None:
    index = Index({n: n for n in range(1, 31)})
    actual: list[str] = []
    for page in search_changes(index.search, KIND, SearchCursor(to_milliseconds(START)), UNTIL, 10):
        actual += [item["id"] for item in page.items]
        index.changed[1] = index.changed[2] = 10**9
    assert set(actual) == {str(n) for n in range(1, 31)}


def test_the_total_is_checked_against_what_was_read() -> None:
    index = Index({n: n for n in range(1, 26)})
    pages = list(
        search_changes(index.search, KIND, SearchCursor(to_milliseconds(START)), UNTIL, 10)
    )
    assert [page.expect for page in pages] == [25, 25, 25]
    assert sum(len(page.items) for page in pages) == 25


def test_a_search_that_keeps_records_back_is_seen() -> None:
    index = Index({n: n for n in range(1, 4)})

    def short(kind: str, query: dict[str, Any]) -> dict[str, Any]:
        body = index.search(kind, query)
        return {**body, "results": body["results"][:2]}

    (page,) = search_changes(short, KIND, SearchCursor(to_milliseconds(START)), UNTIL, 10)
    assert (len(page.items), page.expect) == (2, 3)


def test_the_window_is_half_open() -> None:
    index = Index({1: -1, 2: 0, 3: 86_399_999, 4: 86_400_000})
    assert read(index, 10) == ["2", "3"]


def test_nothing_changed_is_one_empty_page() -> None:
    (page,) = search_changes(Index({}).search, KIND, SearchCursor(0), UNTIL, 10)
    assert (page.items, page.place, page.expect) == ([], None, 0)


@given(
    st.dictionaries(st.integers(1, 80), st.integers(0, 12), max_size=60),
    st.integers(2, 9),
    st.integers(0, 30),
)
def test_resuming_anywhere_reads_the_rest(changed: dict[int, int], limit: int, stop: int) -> None:
    index = Index(changed)
    actual: list[str] = []
    place: SearchCursor | None = None
    start = SearchCursor(to_milliseconds(START))
    for number, page in enumerate(search_changes(index.search, KIND, start, UNTIL, limit)):
        actual += [item["id"] for item in page.items]
        place = page.place
        if number == stop or place is None:
            break
    if place is not None:
        actual += read(
            index, limit, SearchCursor.from_json(orjson.loads(orjson.dumps(place.as_json())))
        )
    assert set(actual) == {str(n) for n in changed}
    assert len(actual) <= 2 * len(changed)

"""Paginators: where the next page is, what ends a list, and what contradicts itself."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cs_sync.contracts.errors import Unreachable
from cs_sync.rest import (
    AnchorPages,
    Answer,
    CursorPages,
    KeysetPages,
    LinkPages,
    NextUrlPages,
    NumberPages,
    OffsetPages,
    SinglePage,
    read_list,
    read_pages,
)
from tests.rest.described import Vendor, list_ids

ITEMS = [{"id": 1, "at": "09:00"}, {"id": 2, "at": "09:01"}]


def find_next(pages: Any, body: Any, place: Any = None, url: str | None = None) -> Any:
    items = body["items"] if isinstance(body, dict) else body
    return pages.find_next(Answer(body, items, url), place)


@pytest.mark.parametrize(
    ("pages", "body", "place", "after"),
    [
        (SinglePage(), {"items": ITEMS}, None, None),
        (CursorPages(param="after", next="next"), {"items": [], "next": "x"}, None, "x"),
        (CursorPages(param="after", next="next"), {"items": ITEMS, "next": None}, "x", None),
        (CursorPages(param="after", next="next"), {"items": ITEMS, "next": ""}, "x", None),
        (
            CursorPages(param="c", next="page.end", more="page.more"),
            {"items": ITEMS, "page": {"end": "x", "more": False}},
            None,
            None,
        ),
        (
            NextUrlPages(next="next"),
            {"items": ITEMS, "next": "https://elsewhere.example/v9/things?page=3&q=a%20b"},
            None,
            "page=3&q=a+b",
        ),
        (NextUrlPages(next="next"), {"items": ITEMS, "next": None}, None, None),
        (OffsetPages(), {"items": ITEMS}, 4, 6),
        (OffsetPages(), {"items": []}, 4, None),
        (OffsetPages(total="total"), {"items": ITEMS, "total": 6}, 4, None),
        (OffsetPages(total="total"), {"items": ITEMS, "total": 7}, 4, 6),
        (OffsetPages(more="more"), {"items": ITEMS, "more": False}, 4, None),
        (NumberPages(), {"items": ITEMS}, None, 2),
        (NumberPages(first=0), {"items": ITEMS}, None, 1),
        (NumberPages(), {"items": []}, 3, None),
        (NumberPages(count="pages"), {"items": ITEMS, "pages": 3}, 2, 3),
        (NumberPages(count="pages"), {"items": ITEMS, "pages": 3}, 3, None),
        (NumberPages(first=0, count="pages"), {"items": ITEMS, "pages": 3}, 2, None),
        (KeysetPages(param="after_id"), {"items": ITEMS}, None, 2),
        (KeysetPages(param="after_id"), {"items": []}, 2, None),
        (KeysetPages(param="before", key="at", more="more"), {"items": ITEMS, "more": 0}, 2, None),
    ],
)
def test_the_next_place(pages: Any, body: Any, place: Any, after: Any) -> None:
    assert find_next(pages, body, place) == after


def test_the_link_header_gives_parameters_and_no_address() -> None:
    pages = LinkPages()
    place = find_next(pages, ITEMS, None, "https://elsewhere.example/things?page=2&per_page=100")
    assert pages.build_params(place) == [("page", "2"), ("per_page", "100")]
    assert find_next(pages, ITEMS, place, None) is None


def test_within_one_time_an_anchor_may_count_records() -> None:
    pages = AnchorPages(param="since", at="at", more="more", page_param="skip", by_records=True)
    body = {"more": True}
    place = pages.find_next(Answer(body, [{"at": 1}, {"at": 1}]), None)
    assert pages.build_params(place) == [("since", 1), ("skip", 0)]
    assert pages.may_repeat(place)
    place = pages.find_next(Answer(body, [{"at": 1}, {"at": 1}]), place)
    assert pages.build_params(place) == [("since", 1), ("skip", 2)]
    assert pages.build_params(pages.find_next(Answer(body, [{"at": 2}]), place)) == [
        ("since", 2), ("skip", 0),
    ]  # fmt: skip


def test_an_anchor_is_the_last_time_seen_and_pages_only_within_one() -> None:
    pages = AnchorPages(param="since", at="at", more="more", cap=6, size=2)
    more = {"items": ITEMS, "more": True}
    first = find_next(pages, more)
    assert first == {"at": "09:01", "page": 1}
    assert pages.build_params(first) == [("since", "09:01"), ("page", 1)]
    second = find_next(pages, more, first)  # all of the page is of that one time
    assert second == {"at": "09:01", "page": 2}
    assert find_next(pages, {"items": ITEMS, "more": False}, second) is None
    third = find_next(pages, more, second)
    with pytest.raises(Unreachable, match="more than 6 records changed at 09:01"):
        find_next(pages, more, third)


@pytest.mark.parametrize(
    ("pages", "body", "message"),
    [
        (CursorPages(param="c", next="next", more="more"), {"items": ITEMS, "more": True},
         "gives no cursor"),
        (OffsetPages(total="total"), {"items": [], "total": 9}, "nothing is shown after 0"),
        (OffsetPages(total="total"), {"items": ITEMS}, "total is None instead of a number"),
        (NumberPages(more="more"), {"items": [], "more": True}, "this page is empty"),
        (KeysetPages(param="after", key="uuid"), {"items": ITEMS}, "no uuid to continue from"),
        (NextUrlPages(next="next"), {"items": ITEMS, "next": "/things"}, "has no parameters"),
    ],
)  # fmt: skip
def test_an_answer_that_contradicts_itself_is_no_end(pages: Any, body: Any, message: str) -> None:
    with pytest.raises(Unreachable, match=message):
        find_next(pages, body)


def fetch_from(items: list[Any], size: int) -> Callable[[Any], Answer]:
    def fetch(params: Any) -> Answer:
        offset = dict(params)["offset"]
        return Answer({"total": len(items)}, list(items[offset : offset + size]))

    return fetch


def test_a_list_that_begins_again_is_given_up() -> None:
    with pytest.raises(Unreachable, match="things: the list returned the same page twice"):
        list(read_pages(lambda _params: Answer({}, ITEMS), OffsetPages(), "things"))


def test_a_cursor_that_comes_back_is_given_up() -> None:
    cursors = iter("ababab")
    pages = CursorPages(param="after", next="next")

    def fetch(_params: Any) -> Answer:
        cursor = next(cursors)
        return Answer({"next": cursor}, [{"id": cursor}])

    with pytest.raises(Unreachable, match="same cursor twice"):
        list(read_pages(fetch, pages, "things"))


@pytest.mark.parametrize("pages", [OffsetPages(), OffsetPages(total="total")])
def test_nothing_is_passed_over_when_records_are_deleted_meanwhile(pages: Any) -> None:
    """Without another look the list of 1 2 | 3 4 5, less 1, would go on with 4."""
    items = [{"id": number} for number in range(1, 6)]
    seen = []
    for number, (answer, _) in enumerate(read_pages(fetch_from(items, 2), pages, "things")):
        seen += [item["id"] for item in answer.items]
        if number == 0:
            del items[0]
    assert set(seen) == {1, 2, 3, 4, 5}


def test_records_without_an_id_are_told_apart_by_what_they_are() -> None:
    items = [{"name": f"Thing {number}"} for number in range(1, 6)]
    seen: list[str] = []
    for number, (answer, _) in enumerate(read_pages(fetch_from(items, 2), OffsetPages(), "things")):
        seen += [item["name"] for item in answer.items]
        if number == 0:
            del items[0]
    assert set(seen) == {f"Thing {number}" for number in range(1, 6)}


def test_a_whole_list_is_what_the_last_round_shows() -> None:
    items = [{"id": number} for number in range(1, 6)]
    fetch = fetch_from(items, 2)

    def fetch_and_lose(params: Any) -> Answer:
        answer = fetch(params)
        if items[0]["id"] == 1:
            del items[0]
        return answer

    last_round = read_list(fetch_and_lose, OffsetPages(), "things")
    assert [item["id"] for item in last_round] == [2, 3, 4, 5]


def test_another_process_notices_as_well() -> None:
    items = [{"id": number} for number in range(1, 6)]
    pages = OffsetPages()
    _, place = next(read_pages(fetch_from(items, 2), pages, "things"))
    assert place == {"place": 2, "count": 2, "last": "2", "round": 1}
    del items[0]
    going_on = read_pages(fetch_from(items, 2), pages, "things", progress=place)
    assert {item["id"] for answer, _ in going_on for item in answer.items} == {2, 3, 4, 5}


def test_a_list_that_never_stands_still_is_given_up() -> None:
    items = [{"id": number} for number in range(100)]

    def fetch(params: Any) -> Answer:
        answer = fetch_from(items, 2)(params)
        del items[0]
        return answer

    with pytest.raises(Unreachable, match="deleted during each of 3 readings"):
        list(read_pages(fetch, OffsetPages(), "things"))


def test_a_cursor_that_may_not_be_missing_is_asked_for_again() -> None:
    """One answer in between has no `next`: it is not an end, but a broken answer."""
    answers = iter([
        {"data": [{"id": 1}], "next": "x"}, {"data": []}, {"data": [{"id": 2}], "next": None},
    ])  # fmt: skip
    vendor = Vendor(lambda _request: next(answers))
    pages = {"kind": "cursor", "param": "after", "next": "next", "size_param": "limit", "size": 50}
    read = vendor.read({"items": "data", "pages": pages})
    assert list_ids(read) == ["1", "2"]
    again = "/things?after=x&limit=50"
    assert vendor.paths == ["/things?limit=50", again, again]


def test_the_next_url_is_followed_at_our_own_address() -> None:
    def answer(request: httpx.Request) -> Any:
        following = "https://elsewhere.example/things?page=2&api_key=leaked"
        more = "page" not in request.url.params
        return {"data": [{"id": len(vendor.requests)}], "next": following if more else None}

    vendor = Vendor(answer)
    assert list_ids(vendor.read({"items": "data", "pages": {"kind": "next_url", "next": "next"}}))
    assert {request.url.host for request in vendor.requests} == {"api.acme.example"}

"""Lists that lose their place: the object that was shown last is deleted before the next page."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from sqlalchemy import select

from cs_sync import Page, RequestRefused, Stream, Unreachable, Window
from cs_sync.testing import SyncHarness, VendorFake
from cs_sync_schemas import SourceAccount, SubscriptionItem, get_table
from cs_sync_stripe.source import StripeSource

Json = dict[str, Any]
Pages = Callable[[str, Window], list[Page]]

START = 1_767_225_600
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = Window(SINCE, SINCE + timedelta(days=9))
CHANGES = Window(SINCE, SINCE + timedelta(days=9), backfill=False)
SIZE = 2


@pytest.fixture
def short(vendor: Any) -> Any:
    """The vendor, with pages of two."""
    vendor.page_size = SIZE
    return vendor


def ids(page: Page) -> list[str]:
    return [str(row["source_id"]) for row in page.records.get(SourceAccount, ())]


def reading(source: StripeSource, window: Window) -> Iterator[Page]:
    streams: dict[str, Stream] = {stream.name: stream for stream in source.streams()}
    return iter(streams["customers"].read(window))


def lists(router: respx.MockRouter) -> respx.Route:
    """The list of customers; there are neither prices nor coupons."""
    router.get(path__regex="/v1/(prices|coupons)").respond(json={"data": [], "has_more": False})
    return router.get("/v1/customers")


def drop(vendor: Any, name: str, id_: str) -> None:
    """It is deleted, and lists no longer know it."""
    vendor.lists[name] = [row for row in vendor.lists[name] if row["id"] != id_]


def at_seconds(objects: Any, *seconds: int) -> list[Json]:
    """cus_0, cus_1 … as a list shows them: the newest first."""
    return [
        objects.customer(f"cus_{n}", created=START + second) for n, second in enumerate(seconds)
    ]


def test_a_list_goes_on_from_the_second_of_the_object_that_was_deleted(
    short: Any, objects: Any, source: StripeSource
) -> None:
    short.lists["customers"] = at_seconds(objects, 900, 800, 700, 600, 500, 400)
    pages = reading(source, WINDOW)
    shown = [ids(next(pages))]
    drop(short, "customers", "cus_1")
    shown += map(ids, pages)
    assert shown == [["cus_0", "cus_1"], ["cus_2", "cus_3"], ["cus_4", "cus_5"]]
    first, refused, again, last = (dict(asked) for asked in short.calls("/v1/customers"))
    until = str(START + 9 * 86_400)
    limits = {"limit": "100", "created[gte]": str(START), "created[lt]": until}
    assert first == limits
    assert refused == {**limits, "starting_after": "cus_1"}
    assert again == {**limits, "created[lt]": str(START + 801)}
    assert last == {**limits, "starting_after": "cus_3"}


def test_others_of_the_same_second_are_not_passed_over(
    short: Any, objects: Any, source: StripeSource
) -> None:
    """cus_2 and cus_3 were created in the second of the one that is deleted."""
    short.lists["customers"] = at_seconds(objects, 900, 800, 800, 800, 700)
    pages = reading(source, WINDOW)
    next(pages)
    drop(short, "customers", "cus_1")
    assert [ids(page) for page in pages] == [["cus_2", "cus_3"], ["cus_4"]]


def test_nothing_may_be_left_after_the_object_that_was_deleted(
    short: Any, objects: Any, source: StripeSource
) -> None:
    short.lists["customers"] = at_seconds(objects, 900, 800, 700)
    pages = reading(source, WINDOW)
    next(pages)
    drop(short, "customers", "cus_1")
    drop(short, "customers", "cus_2")
    (page,) = pages
    assert (ids(page), page.resume) == ([], None)


def test_in_a_second_of_many_pages_every_last_object_may_be_deleted(
    short: Any, objects: Any, source: StripeSource
) -> None:
    """After page 2, 4, 6 … its last object is deleted: the second begins again, one shorter."""
    short.lists["customers"] = at_seconds(objects, *[800] * 11)
    all_ids = {row["id"] for row in short.lists["customers"]}
    shown, places, number = set[str](), list[Json](), 0
    for page in reading(source, WINDOW):
        number += 1
        shown.update(ids(page))
        if page.resume is not None:
            places.append(page.resume)
            if number % 2 == 0:
                drop(short, "customers", page.resume["after"])
    assert shown == all_ids
    assert len({repr(place) for place in places}) == len(places), "no place comes twice"
    # Of 11 two pages (4 objects) are read, then one is gone: so on, until 4 or less are left.
    assert len(all_ids) - len(short.lists["customers"]) == 11 - 4
    assert number == 2 * (11 - 4) + 2


def test_a_vendor_that_shows_what_it_refuses_comes_to_the_same_place_twice(
    router: respx.MockRouter, objects: Any, source: StripeSource
) -> None:
    """So it would never end."""
    rows = at_seconds(objects, 800, 800)
    error = {"param": "starting_after", "message": "No such customer: 'cus_1'"}

    def answer(request: httpx.Request) -> httpx.Response:
        if "starting_after" in request.url.params:
            return httpx.Response(400, json={"error": error})
        return httpx.Response(200, json={"data": rows, "has_more": True})

    lists(router).mock(side_effect=answer)
    pages = reading(source, WINDOW)
    places = [next(pages).resume for _ in range(2)]
    assert places[0] != places[1]
    with pytest.raises(Unreachable, match="the same cursor twice"):
        next(pages)


@pytest.mark.parametrize("created", [None, "yesterday"])
def test_without_a_second_there_is_none_to_go_back_to(
    router: respx.MockRouter, objects: Any, source: StripeSource, created: Any
) -> None:
    rows = [objects.customer("cus_1", created=created)]
    page = httpx.Response(200, json={"data": rows, "has_more": True})
    refusal = httpx.Response(400, json={"error": {"param": "starting_after", "message": "No"}})
    lists(router).mock(side_effect=[page, refusal])
    with pytest.raises(RequestRefused, match="starting_after"):
        list(reading(source, WINDOW))


def test_other_refusals_of_a_later_page_stay(
    router: respx.MockRouter, objects: Any, source: StripeSource
) -> None:
    page = httpx.Response(200, json={"data": at_seconds(objects, 800), "has_more": True})
    refusal = httpx.Response(400, json={"error": {"param": "limit", "message": "Invalid"}})
    route = lists(router).mock(side_effect=[page, refusal])
    with pytest.raises(RequestRefused, match="limit"):
        list(reading(source, WINDOW))
    assert route.call_count == 2


def test_events_that_expired_meanwhile_do_not_hold_the_rest_back(
    short: Any, objects: Any, source: StripeSource
) -> None:
    """The two of one second are kept, the one before them is gone, and so is the place."""
    short.lists["customers"] = at_seconds(objects, 9, 8, 7, 6)
    events = [
        objects.event("customer.updated", row, START + second)
        for row, second in zip(short.lists["customers"], (90, 80, 80, 70), strict=True)
    ]
    short.lists["events"] = events
    pages = reading(source, CHANGES)
    first = next(pages)
    assert first.resume == {"after": events[1]["id"], "created": START + 80, "gone": None}
    short.lists["events"] = [events[2]]
    assert [ids(first), *map(ids, pages)] == [["cus_0", "cus_1"], ["cus_2"]]
    types = [
        [value for key, value in asked.multi_items() if key.startswith("types")]
        for asked in short.calls("/v1/events")
    ]
    assert len(types) == 3
    assert types[0] == types[1] == types[2] != []


@pytest.fixture
def items(short: Any, objects: Any) -> Any:
    """A subscription of five items, of which Stripe embeds one; the vendor."""
    rows = [objects.item(f"si_{n}") for n in range(5)]
    raw = objects.subscription(items=rows[:1])
    raw["items"]["has_more"] = True
    short.lists |= {"subscriptions": [raw], "subscription_items": rows}
    return short


def test_a_list_inside_an_object_is_read_anew(items: Any, pages: Pages, rows: Any) -> None:
    def once(request: httpx.Request) -> None:
        if request.url.params.get("starting_after") == "si_1":
            drop(items, "subscription_items", "si_1")

    items.before = once
    actual = rows(pages("subscriptions", WINDOW), SubscriptionItem)
    assert [row["source_id"] for row in actual] == ["si_0", "si_2", "si_3", "si_4"]
    asked = items.calls("/v1/subscription_items")
    assert [params.get("starting_after") for params in asked] == [None, "si_1", None, "si_2"]


def test_a_list_inside_an_object_is_read_anew_only_once(items: Any, pages: Pages) -> None:
    items.before = lambda request: drop(
        items, "subscription_items", request.url.params.get("starting_after", "")
    )
    with pytest.raises(RequestRefused, match="starting_after"):
        pages("subscriptions", WINDOW)
    asked = items.calls("/v1/subscription_items")
    assert [params.get("starting_after") for params in asked] == [None, "si_1", None, "si_2"]


@pytest.fixture
def bench(short: Any, tmp_path: Path) -> Iterator[SyncHarness]:
    """The real sync, reading from the vendor."""

    class Vendor(VendorFake):
        connector = StripeSource

        def settings(self) -> Json:
            return {"api_key": "_".join(("rk", "live", "51NotARealKey"))}

        def answer(self, request: httpx.Request) -> httpx.Response:
            answered: httpx.Response = short.answer(request)
            return answered

    bench = SyncHarness(Vendor, tmp_path)
    yield bench
    bench.close()


def stored(bench: SyncHarness) -> list[str]:
    with bench.store.read() as connection:
        return sorted(connection.scalars(select(get_table(SourceAccount).c.source_id)))


def test_a_run_in_which_every_second_place_is_deleted_ends_well(
    bench: SyncHarness, short: Any, objects: Any
) -> None:
    rows = short.lists["customers"] = at_seconds(objects, 900, 800, *[700] * 9, 600, 500)
    asked = 0

    def every_second(request: httpx.Request) -> None:
        nonlocal asked
        if after := request.url.params.get("starting_after"):
            asked += 1
            if asked % 2 == 0:
                drop(short, "customers", after)

    short.before = every_second
    run = bench.sync(only=["customers"])
    assert (run.status, run.problems()) == ("ok", "")
    assert stored(bench) == sorted(row["id"] for row in rows)
    assert len(short.lists["customers"]) < len(rows)


@pytest.mark.parametrize("changes", [False, True])
def test_a_run_goes_on_although_its_place_was_deleted_between_two_processes(
    bench: SyncHarness, short: Any, objects: Any, changes: bool
) -> None:
    now = int(bench.clock.now().timestamp())
    if changes:
        bench.sync(only=["customers"])
        bench.advance_clock(minutes=90)
    rows = [objects.customer(f"cus_{n}", created=now - 600 + 660 * changes - n) for n in range(5)]
    short.lists["customers"] = rows
    short.lists["events"] = [objects.event("customer.created", row, row["created"]) for row in rows]
    assert bench.sync(only=["customers"], pages=2).killed
    name = "events" if changes else "customers"
    assert stored(bench) == [f"cus_{n}" for n in range(4)]
    drop(short, name, short.lists[name][3]["id"])
    run = bench.sync(only=["customers"])
    assert (run.status, run.problems()) == ("ok", "")
    assert stored(bench) == [f"cus_{n}" for n in range(5)]

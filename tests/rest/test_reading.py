"""Reading of described streams: windows, parents, children, further calls, deletions, resuming."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from cs_sync.contracts.errors import PermissionMissing, RequestRefused, Unreachable
from cs_sync.contracts.mapping import MappingError
from cs_sync.contracts.source import Page, Window
from cs_sync_schemas import Discount, Membership, Product, SourceAccount, SourceContact
from tests.rest.described import ALL, UNTIL, Vendor, describe, list_ids, list_rows

SINCE = datetime(2026, 11, 19, 8, 30, 15, 250_000, tzinfo=UTC)
CHANGED = Window(SINCE, UNTIL, backfill=False)


@pytest.mark.parametrize(
    ("format", "written"),
    [
        ("iso", "2026-11-19T08:30:15Z"),
        ("iso_ms", "2026-11-19T08:30:15.250Z"),
        ("epoch_s", "1795077015"),
        ("epoch_ms", "1795077015250"),
        ("day", "2026-11-19"),
    ],
)
def test_the_edges_of_a_window(format: str, written: str) -> None:
    vendor = Vendor(lambda _request: [])
    edges = {"since": {"param": "from", "format": format, "start": "ever"},
             "until": {"param": "to"}, "params": {"state": "all"}}  # fmt: skip
    vendor.read(edges, CHANGED)
    assert dict(vendor.requests[0].url.params) == {
        "state": "all", "from": written, "to": "2026-11-20T09:00:00Z",
    }  # fmt: skip
    vendor.read(edges)
    assert vendor.requests[1].url.params["from"] == "ever"


def test_the_facts_of_a_stream_are_passed_on() -> None:
    rule = {"since": {"param": "s"}, "lookback": "10m", "history": "30d", "deletes": "sweep",
            "scope": "read"}  # fmt: skip
    [stream] = Vendor(lambda _request: []).open(describe(rule)).streams()
    assert (stream.cursor, stream.deletes, stream.scope) == ("time", "sweep", "read")
    assert (stream.lookback.seconds, stream.history and stream.history.days) == (600, 30)


def test_a_search_is_posted_with_its_place_in_the_body() -> None:
    def answer(request: httpx.Request) -> Any:
        after = orjson.loads(request.content)["page"].get("after")
        return {"data": [{"id": after or "a"}], "next": None if after else "b"}

    vendor = Vendor(answer)
    read = vendor.read({
        "method": "POST", "items": "data", "params": {"query.state": "all", "page.size": 50},
        "pages": {"kind": "cursor", "param": "page.after", "next": "next"},
    })  # fmt: skip
    assert list_ids(read) == ["a", "b"]
    assert orjson.loads(vendor.requests[1].content) == {
        "query": {"state": "all"}, "page": {"size": 50, "after": "b"},
    }  # fmt: skip


TOKENS = {
    "items": "data", "cursor": "token", "since": {"param": "start", "start": 0},
    "pages": {"kind": "cursor", "param": "cursor", "next": "after", "more": "more"},
}  # fmt: skip


def test_an_export_goes_on_from_its_last_cursor() -> None:
    """The end has a cursor, too; a run that finds nothing new keeps the one that it began with."""
    answers = {
        None: {"data": [{"id": 1}], "after": "c1", "more": True},
        "c1": {"data": [{"id": 2}], "after": "c2", "more": False},
        "c2": {"data": [], "after": None, "more": False},
    }
    vendor = Vendor(lambda request: answers[request.url.params.get("cursor")])
    [stream] = vendor.open(describe(TOKENS)).streams()
    assert stream.cursor == "token"
    first, last = stream.read(ALL)
    kept = {"list": 0, "parent": "", "at": {"place": "c2"}}
    assert (first.ends_window, last.ends_window, last.resume) == (False, True, kept)
    [nothing] = stream.read(Window(None, UNTIL, kept))
    assert (nothing.records, nothing.ends_window) == ({SourceAccount: []}, True)
    assert nothing.resume == kept
    assert [dict(request.url.params) for request in vendor.requests] == [
        {"start": "0"}, {"cursor": "c1"}, {"cursor": "c2"},
    ]  # fmt: skip


def test_an_export_without_a_cursor_at_its_end_is_not_complete() -> None:
    with pytest.raises(Unreachable, match="gives no after to continue from"):
        Vendor(lambda _request: {"data": [], "after": None, "more": False}).read(TOKENS)


FORMS = {"path": "/forms", "items": "data", "look_up": {
    "full": {"path": "/forms/{id}", "requires": ["title"]},
}}  # fmt: skip
BY_FORM = {
    "path": "/forms/{_parent.id}/things", "parent": FORMS,
    "pages": {"kind": "keyset", "param": "after"},
    "fields": {"source_id": {"text": "{_parent.id}:{id}"}, "name": "_parent._full.title"},
}  # fmt: skip


def answer_forms(request: httpx.Request) -> Any:
    match request.url.path.strip("/").split("/"):
        case ["forms"]:
            return {"data": [{"id": "b/1"}, {"id": "a"}]}
        case ["forms", *_, "things"]:
            return [] if "after" in request.url.params else [{"id": 1}]
        case ["forms", *name]:
            return {"title": f"Form {'/'.join(name)}"}
    return httpx.Response(404)


def test_each_parent_has_a_list_and_its_values_are_escaped_in_paths() -> None:
    vendor = Vendor(answer_forms)
    read = vendor.read(BY_FORM)
    assert list(list_rows(read)) == [
        {"source_id": "a:1", "name": "Form a"}, {"source_id": "b/1:1", "name": "Form b/1"},
    ]  # fmt: skip
    assert "/forms/b%2F1/things" in vendor.paths
    assert [page.resume is None for page in read] == [False, False, False, True]


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_a_stopped_read_goes_on_with_the_parent_where_it_was(stop: int) -> None:
    vendor = Vendor(answer_forms)
    whole = vendor.read(BY_FORM)
    rest = vendor.read(BY_FORM, Window(None, UNTIL, whole[stop].resume))
    assert rest == whole[stop + 1 :]


def test_a_parent_without_id_costs_what_belongs_to_it_alone() -> None:
    def answer(request: httpx.Request) -> Any:
        return (
            {"data": [None, {"id": "a"}]} if request.url.path == "/forms" else answer_forms(request)
        )

    read = Vendor(answer).read(BY_FORM)
    assert list_ids(read) == ["a:1"]
    [rejection] = [each for page in read for each in page.rejected]
    assert (rejection.code, rejection.source_id) == ("no_id", None)


def test_no_parent_is_a_complete_read() -> None:
    [page] = Vendor(lambda _request: {"data": []}).read(BY_FORM)
    assert (page.resume, list_ids([page])) == (None, [])


RATING = {"path": "/things/{id}/rating", "item": "score", "requires": ["score"]}
WITH_RATING = {
    "look_up": {"rating": RATING},
    "fields": {"source_id": "id", "attributes": "{rating: _rating}"},
}  # fmt: skip


def test_a_record_is_made_of_several_calls() -> None:
    vendor = Vendor(lambda r: {"score": 5} if "rating" in r.url.path else [{"id": 1}])
    [page] = vendor.read(WITH_RATING)
    [row] = page.records[SourceAccount]
    assert row == {"source_id": "1", "attributes": {"rating": 5}, "raw": {"id": 1, "_rating": 5}}


@pytest.mark.parametrize("optional", [True, False])
def test_what_is_not_there_is_null_only_where_it_may_be(optional: bool) -> None:
    def answer(request: httpx.Request) -> Any:
        return httpx.Response(404, json={}) if "rating" in request.url.path else [{"id": 1}]

    look_up = {"rating": {**RATING, "optional": optional}}
    if optional:
        assert list_ids(Vendor(answer).read({**WITH_RATING, "look_up": look_up})) == ["1"]
    else:
        with pytest.raises(RequestRefused, match="404"):
            Vendor(answer).read({**WITH_RATING, "look_up": look_up})


def test_a_further_call_is_made_only_where_it_is_needed() -> None:
    vendor = Vendor(lambda r: {"score": 5} if "rating" in r.url.path else [{"id": 1}, {"id": 2}])
    look_up = {"rating": {**RATING, "when": "id == `2`"}}
    [page] = vendor.read({**WITH_RATING, "look_up": look_up})
    assert [row["attributes"] for row in page.records[SourceAccount]] == [{}, {"rating": 5}]
    assert vendor.paths == ["/things", "/things/2/rating"]


def name_plan(item: Mapping[str, Any], config: Any) -> Mapping[str, Any]:
    return {"source_id": item["id"], "name": item["_plans"][item["plan"]]["name"]}


def test_a_function_finds_objects_of_another_list_by_their_keys() -> None:
    plans = {"data": [{"id": 7, "name": "Pro"}, {"id": 9}]}
    vendor = Vendor(lambda r: plans if r.url.path == "/plans" else [{"id": "a", "plan": "7"}])
    tables = {"plans": {"path": "/plans", "items": "data"}}
    read = vendor.read({"map": name_plan, "fields": {}, "tables": tables})
    assert list(list_rows(read)) == [{"source_id": "a", "name": "Pro"}]
    assert vendor.paths == ["/plans", "/things"]


def test_a_function_may_make_records_that_are_owned_and_shown_as_they_are_today() -> None:
    made = {
        "record": "subscription", "map": name_plan, "fields": {}, "snapshots": ["discount"],
        "children": {"discount": "subscription_source_id"}, "extra": ["product"],
    }  # fmt: skip
    [stream] = Vendor(lambda _request: []).open(describe(made)).streams()
    assert stream.children == {Discount: "subscription_source_id"}
    assert (stream.snapshot, stream.extra) == ((Discount,), (Product,))


def test_check_asks_for_the_tables_too() -> None:
    vendor = Vendor(lambda r: httpx.Response(403) if r.url.path == "/plans" else [])
    tables = {"plans": {"path": "/plans", "items": "data"}}
    [finding] = vendor.open(describe({"map": name_plan, "fields": {}, "tables": tables})).check()
    assert not finding.ok


PERSON = {
    "record": "source_contact",
    "fields": {"source_id": "id", "name": "name"},
    "also": {
        "companies": {
            "record": "membership", "parent": "contact_source_id", "each": "companies",
            "fields": {
                "source_id": {"text": "{_item.id}:{id}"}, "contact_source_id": "_item.id",
                "account_source_id": "id", "is_primary": "not_null(main, `false`)",
            },
        },
    },
}  # fmt: skip


def test_children_of_an_object_are_records_of_their_own() -> None:
    people = [{"id": 1, "companies": [{"id": 7, "main": True}, {"id": 8}]}, {"id": 2}]
    vendor = Vendor(lambda _request: people)
    [page] = vendor.read(PERSON)
    assert [row["source_id"] for row in page.records[SourceContact]] == ["1", "2"]
    assert [(row["source_id"], row["is_primary"]) for row in page.records[Membership]] == [
        ("1:7", True), ("1:8", False),
    ]  # fmt: skip
    [stream] = vendor.open(describe(PERSON)).streams()
    assert stream.children == {Membership: "contact_source_id"}


def test_deletions_are_flags_or_lists_of_their_own() -> None:
    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/trash":
            return [{"id": 3}, {"name": "no id"}]
        return [{"id": 1}, {"id": 2, "archived": True}, {"archived": True}]

    vendor = Vendor(answer)
    trash = {"path": "/trash", "since": {"param": "deleted_since"}}
    flagged, listed = vendor.read(
        {"deleted": "archived", "deletes": "feed", "gone": [trash]}, CHANGED
    )
    assert (list_ids([flagged]), flagged.deleted) == (["1"], {SourceAccount: ["2"]})
    assert listed.deleted == {SourceAccount: ["3"]}
    assert [page.rejected[0].code for page in (flagged, listed)] == ["no_id", "no_id"]
    assert vendor.paths == ["/things", "/trash?deleted_since=2026-11-19T08%3A30%3A15Z"]


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("/{parent.id}/x", "did you mean _parent?"),
        ("/{_parent.idd}/x", "did you mean id?"),
        ("/{_parent.at}/x", "it is null here"),
    ],
)
def test_a_path_that_cannot_be_filled_names_what_is_not_there(path: str, remedy: str) -> None:
    vendor = Vendor(lambda _request: [{"id": 1, "at": None}])
    with pytest.raises(Unreachable) as raised:
        vendor.read({"path": path, "parent": {"path": "/things"}})
    empty = path.partition("{")[2].partition("}")[0]
    assert raised.value.message == f"{path} cannot be filled: nothing is at {empty}"
    assert raised.value.remedy == f"Correct the connector: {remedy}"


def test_deleted_objects_may_be_ids_or_have_another_key() -> None:
    def answer(request: httpx.Request) -> Any:
        bodies: dict[str, Any] = {"/a": {"data": [{"case": 3}]}, "/b": {"data": [4]}}
        return bodies.get(request.url.path, [])

    vendor = Vendor(answer)
    lists = [
        {"path": "/a", "items": "data[].{id: case}"},
        {"path": "/b", "items": "data[].{id: @}"},
    ]
    pages = vendor.read({"deletes": "feed", "gone": lists}, CHANGED)
    assert [page.deleted.get(SourceAccount, []) for page in pages] == [[], ["3"], ["4"]]


def test_what_is_no_object_is_rejected_and_the_rest_goes_on() -> None:
    [page] = Vendor(lambda _request: [None, 7, [], {"id": 1}]).read({})
    assert list_ids([page]) == ["1"]
    assert {each.code for each in page.rejected} == {"malformed"}


@pytest.mark.parametrize(
    "answer", [{}, None, "fine", {"message": "soon"}, {"data": None}, {"data": {}}, []]
)
def test_json_without_the_list_is_an_error_and_tried_again(answer: Any) -> None:
    vendor = Vendor(lambda _request: answer)
    with pytest.raises(Unreachable):
        vendor.read({"items": "data"})
    assert len(vendor.requests) > 1


def test_an_expression_that_finds_no_list_is_an_error_too() -> None:
    with pytest.raises(Unreachable, match=r"no list at data\.\*\.name"):
        Vendor(lambda _request: {"data": None}).read({"items": "data.*.name"})


ERRORS = [
    {"means": "permission", "when": "code == 'plan'", "remedy": "Upgrade, or leave out {section}."},
    {"means": "refused", "status": 409},
]


def test_an_answer_means_what_the_description_says() -> None:
    vendor = Vendor(lambda _request: {"code": "plan"})
    with pytest.raises(PermissionMissing, match="Upgrade, or leave out its section"):
        vendor.read({"items": "data"}, errors=ERRORS)
    vendor = Vendor(lambda _request: httpx.Response(409, json={"code": "x"}))
    with pytest.raises(RequestRefused, match="409"):
        vendor.read({}, errors=ERRORS)


def map_thing(item: Mapping[str, Any], config: Any) -> Iterator[Any]:
    if not item.get("name"):
        raise MappingError("nameless", "a thing needs a name")
    yield SourceAccount, {"source_id": str(item["id"]), "name": config.base_url}
    yield SourceContact, {"source_id": f"{item['id']}:contact"}


def read_things(source: Any, window: Window) -> Iterator[Page]:
    body = source.http.get("/anything", {"until": window.until.isoformat()})
    yield Page({SourceAccount: [{"source_id": str(body["id"])}]})


def test_a_function_may_map_or_read_instead() -> None:
    vendor = Vendor(lambda _request: [{"id": 1, "name": "A"}, {"id": 2}])
    functions = {"fields": {}, "map": f"{__name__}:map_thing", "extra": ["source_contact"]}
    [page] = vendor.read(functions)
    assert list_ids([page]) == ["1", "1:contact"]
    assert [(each.source_id, each.code) for each in page.rejected] == [("2", "nameless")]
    vendor = Vendor(lambda _request: {"id": 7})
    assert list_ids(vendor.read({"path": "", "read": read_things})) == ["7"]


def test_check_asks_for_one_record_of_each_stream_and_of_its_parent() -> None:
    vendor = Vendor(answer_forms)
    pages = {"kind": "page", "size_param": "limit", "size": 100}
    rule = {**BY_FORM, "parent": {**FORMS, "pages": pages}, "pages": pages}
    [finding] = vendor.open(describe(rule)).check()
    assert finding.ok
    assert vendor.paths == [
        "/forms?page=1&limit=1",
        "/forms/b%2F1",
        "/forms/b%2F1/things?page=1&limit=1",
    ]
    refusing = Vendor(lambda _request: httpx.Response(403, json={"message": "no scope"}))
    [finding] = refusing.open(describe(rule)).check()
    assert (finding.ok, bool(finding.remedy)) == (False, True)


def test_expressions_see_settings_but_no_secret() -> None:
    settings = {
        "base_url": {"default": "https://api.acme.example/"}, "key": {"kind": "secret"},
        "site": {"default": "eu"},
    }  # fmt: skip
    rule = {"fields": {
        "source_id": "id", "url": {"text": "{_settings.base_url}/{_settings.site}/{id}"},
        "name": "_settings.key",
    }}  # fmt: skip
    source = Vendor(lambda _request: [{"id": 1}]).open(
        describe(rule, settings=settings), key="hush-hush"
    )
    [stream] = source.streams()
    assert list(list_rows(list(stream.read(ALL)))) == [
        {"source_id": "1", "url": "https://api.acme.example/eu/1"}
    ]

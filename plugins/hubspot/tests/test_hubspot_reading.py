"""Reading the CRM: pages, windows, merges, deletions, members, survey answers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
import respx

from cs_sync import Page, RequestRefused, Stream, Throttled, Window
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_schemas import (
    Alias,
    Membership,
    Owner,
    SourceAccount,
    SourceContact,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BACKFILL = Window(since=None, until=NOW)
CHANGES = Window(since=NOW - timedelta(days=1), until=NOW, backfill=False)


def stream(source: HubSpotSource, name: str) -> Stream:
    return {s.name: s for s in source.streams()}[name]


def page_of(items: list[Any], after: str | None = None, **more: Any) -> httpx.Response:
    paging = {"paging": {"next": {"after": after}}} if after else {}
    return httpx.Response(200, json={"results": items, **paging, **more})


def company(number: int, **properties: Any) -> dict[str, Any]:
    changed = "2026-11-20T08:00:00.250Z"
    return {
        "id": str(number),
        "properties": {
            "hs_object_id": str(number),
            "createdate": "2026-01-04T09:00:00Z",
            "hs_lastmodifieddate": changed,
            **properties,
        },
        "createdAt": "2026-01-04T09:00:00Z",
        "updatedAt": changed,
        "archived": False,
    }


def by_archived(living: list[Any], gone: list[Any]) -> Callable[[httpx.Request], httpx.Response]:
    def respond(request: httpx.Request) -> httpx.Response:
        archived = request.url.params["archived"] == "true"
        return page_of(gone if archived else living)

    return respond


def test_streams_state_their_facts(source: HubSpotSource) -> None:
    names = [s.name for s in source.streams()]
    assert names == ["owners", "companies", "contacts", "associations", "feedback_submissions"]
    companies = stream(source, "companies")
    assert companies.cursor == "time"
    assert companies.lookback >= timedelta(minutes=10)
    assert companies.deletes == "feed"
    assert stream(source, "associations").deletes == "sweep"


def test_a_company_becomes_an_account(source: HubSpotSource, vendor: respx.MockRouter) -> None:
    item = company(
        9001,
        name=" Acme GmbH ",
        domain="Acme.Example",
        hs_additional_domains="acme.test; ACME.example.org;",
        hubspot_owner_id="77",
        account_id="acct-42",
        industry="COMPUTER_SOFTWARE",
        country="",
        numberofemployees=None,
        notes_last_contacted="2026-11-18T14:30:00Z",
    )
    listing = vendor.get("/crm/objects/2026-03/companies").mock(side_effect=by_archived([item], []))
    first, last = stream(source, "companies").read(BACKFILL)

    (row,) = first.records[SourceAccount]
    assert {k: v for k, v in row.items() if k != "raw"} == {
        "source_id": "9001",
        "name": "Acme GmbH",
        "domain": "acme.example",
        "extra_domains": ["acme.test", "acme.example.org"],
        "external_key": "acct-42",
        "owner_source_id": "77",
        "attributes": {"industry": "COMPUTER_SOFTWARE"},
        "created_at": datetime(2026, 1, 4, 9, tzinfo=UTC),
        "last_contacted_at": datetime(2026, 11, 18, 14, 30, tzinfo=UTC),
        "updated_at": datetime(2026, 11, 20, 8, 0, 0, 250_000, tzinfo=UTC),
        "url": None,
    }
    assert row["raw"] == item
    assert last.resume is None
    asked = listing.calls[0].request
    assert asked.headers["authorization"].startswith("Bearer pat-")
    assert asked.url.params["limit"] == "100"
    assert "account_id" in asked.url.params["properties"].split(",")


def test_a_link_to_the_company_needs_the_portal(
    http: Any, vendor: respx.MockRouter, config: HubSpotConfig
) -> None:
    elsewhere = {"portal_id": 123, "app_url": "http://127.0.0.1:8900/hubspot/"}
    for settings, app in (
        ({"portal_id": 123}, "https://app.hubspot.com"),
        (elsewhere, "http://127.0.0.1:8900/hubspot"),
    ):
        source = HubSpotSource(config.model_copy(update=settings), http)
        vendor.get("/crm/objects/2026-03/companies").mock(side_effect=by_archived([company(7)], []))
        first, _ = stream(source, "companies").read(BACKFILL)
        url = first.records[SourceAccount][0]["url"]
        assert url == f"{app}/contacts/123/record/0-2/7"


def test_a_backfill_lists_pages_and_resumes_at_any(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if params["archived"] == "true":
            if "after" not in params:
                return page_of([{"id": "90", "archivedAt": "2026-11-01T00:00:00Z"}], after="x")
            return page_of([{"id": "91", "archivedAt": "2026-11-19T20:00:00Z"}])
        if "after" not in params:
            return page_of([company(1)], after="1")
        return page_of([company(2)])

    vendor.get("/crm/objects/2026-03/companies").mock(side_effect=respond)
    read = stream(source, "companies").read
    pages = list(read(BACKFILL))
    assert [ids(p) for p in pages] == [["1"], ["2"], [], []]
    assert [p.deleted.get(SourceAccount) for p in pages] == [None, None, ["90"], ["91"]]

    for number, page in enumerate(pages[:-1]):
        resumed = list(read(Window(None, NOW, resume=orjson.loads(orjson.dumps(page.resume)))))
        assert resumed == pages[number + 1 :]


def ids(page: Page, record: Any = SourceAccount) -> list[str]:
    return [str(row["source_id"]) for row in page.records.get(record, ())]


def test_a_backfill_that_begins_later_leaves_out_older_ones(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    old, new = company(1), company(2)
    new["createdAt"] = "2026-11-19T00:00:00Z"
    vendor.get("/crm/objects/2026-03/companies").mock(side_effect=by_archived([old, new], []))
    window = Window(datetime(2026, 11, 1, tzinfo=UTC), NOW)
    assert [ids(page) for page in stream(source, "companies").read(window)] == [["2"], []]


def test_changes_are_searched_and_fresh_deletions_named(
    source: HubSpotSource,
    vendor: respx.MockRouter,
    sent: Callable[[respx.Route], list[Any]],
) -> None:
    search = vendor.post("/crm/objects/2026-03/contacts/search").mock(
        return_value=page_of([contact(501)], total=1)
    )
    gone = [
        {"id": "8", "archivedAt": "2026-01-01T00:00:00Z"},
        {"id": "9", "archivedAt": "2026-11-20T07:00:00Z"},
    ]
    vendor.get("/crm/objects/2026-03/contacts").mock(side_effect=by_archived([], gone))
    changed, archived = stream(source, "contacts").read(CHANGES)

    assert ids(changed, SourceContact) == ["501"]
    assert changed.expect == 1
    assert archived.deleted == {SourceContact: ["9"]}
    (query,) = sent(search)
    assert query["sorts"] == [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    assert query["filterGroups"][0]["filters"] == [
        {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1795089600000"},
        {"propertyName": "lastmodifieddate", "operator": "LT", "value": "1795176000000"},
    ]


def test_what_was_rejected_is_not_expected_as_a_record(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    bad, good = contact(1, createdate="soon"), contact(2)
    answers = [
        page_of([bad, contact(3, lastmodifieddate="2026-11-20T09:00:00Z")], after="2", total=3),
        page_of([good], total=1),
    ]
    bad["properties"]["lastmodifieddate"] = "2026-11-20T08:00:00Z"
    vendor.post("/crm/objects/2026-03/contacts/search").mock(side_effect=answers)
    vendor.get("/crm/objects/2026-03/contacts").mock(side_effect=by_archived([], []))
    first, second, _ = stream(source, "contacts").read(CHANGES)
    assert (first.expect, second.expect) == (2, 2)
    assert len(ids(first, SourceContact) + ids(second, SourceContact)) == 2
    assert first.resume["rejected"] == 1


def contact(number: int, **properties: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "properties": {
            "email": "Ana@acme.example",
            "hs_additional_emails": "a.lopez@acme.example;ana@old.example",
            "firstname": "Ana",
            "lastname": "Lopez",
            "jobtitle": "CTO",
            "associatedcompanyid": "9001",
            "createdate": "2026-01-05T09:00:00Z",
            "lastmodifieddate": "2026-11-20T10:00:00Z",
            **properties,
        },
        "createdAt": "2026-01-05T09:00:00Z",
        "updatedAt": "2026-11-20T10:00:00Z",
        "archived": False,
    }


def test_a_contact_with_everything_and_one_with_nothing(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    empty = dict.fromkeys(
        ("email", "hs_additional_emails", "firstname", "lastname", "associatedcompanyid"), ""
    )
    people = [contact(501), contact(502, **empty, jobtitle=None)]
    vendor.get("/crm/objects/2026-03/contacts").mock(side_effect=by_archived(people, []))
    first, _ = stream(source, "contacts").read(BACKFILL)
    ana, nobody = first.records[SourceContact]
    assert ana["email"] == "ana@acme.example"
    assert ana["extra_emails"] == ["a.lopez@acme.example", "ana@old.example"]
    assert (ana["name"], ana["role"], ana["account_source_id"]) == ("Ana Lopez", "CTO", "9001")
    unknown = ("email", "name", "role", "account_source_id", "external_key")
    assert all(nobody[name] is None for name in unknown)
    assert nobody["extra_emails"] == []


def test_merged_ids_live_on_as_aliases(source: HubSpotSource, vendor: respx.MockRouter) -> None:
    winner = company(3, hs_merged_object_ids="1;2;3")
    vendor.get("/crm/objects/2026-03/companies").mock(side_effect=by_archived([winner], []))
    first, _ = stream(source, "companies").read(BACKFILL)
    pairs = [(a["source_id"], a["survivor_source_id"]) for a in first.records[Alias]]
    assert pairs == [("1", "3"), ("2", "3")]
    assert {a["record"] for a in first.records[Alias]} == {"source_account"}
    assert first.deleted == {SourceAccount: ["1", "2"]}


def test_what_cannot_be_mapped_is_named_and_the_rest_goes_on(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    bad = company(1, createdate="last week")
    vendor.get("/crm/objects/2026-03/companies").mock(
        side_effect=by_archived([bad, company(2)], [])
    )
    first, _ = stream(source, "companies").read(BACKFILL)
    assert ids(first) == ["2"]
    (rejection,) = first.rejected
    assert (rejection.source_id, rejection.code) == ("1", "BAD_TIME")
    assert "last week" in rejection.reason
    assert rejection.raw == bad


def test_owners_who_left_are_inactive(source: HubSpotSource, vendor: respx.MockRouter) -> None:
    kim = {"id": "77", "email": "CSM@vendor.example", "firstName": "Kim", "lastName": "Berg"}
    gone = {"id": "78", "email": "", "firstName": "", "lastName": "Ng", "archived": True}
    vendor.get("/crm/owners/2026-03").mock(side_effect=by_archived([kim], [gone]))
    first, last = stream(source, "owners").read(BACKFILL)
    assert (first.records[Owner][0]["name"], first.records[Owner][0]["email"]) == ("Ng", None)
    assert not first.records[Owner][0]["is_active"]
    assert last.records[Owner][0]["email"] == "csm@vendor.example"
    assert last.records[Owner][0]["is_active"]
    assert last.resume is None
    (resumed,) = stream(source, "owners").read(Window(None, NOW, resume=first.resume))
    assert resumed == last


def member(contact_id: int, *types: int) -> dict[str, Any]:
    kinds = [{"category": "HUBSPOT_DEFINED", "typeId": t, "label": None} for t in types]
    return {"toObjectId": contact_id, "associationTypes": kinds}


def test_members_are_read_a_thousand_companies_at_once(
    source: HubSpotSource, vendor: respx.MockRouter, sent: Callable[[respx.Route], list[Any]]
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("after", "0"))
        page = [{"id": str(n)} for n in range(start, start + 100)]
        return page_of(page, after=str(start + 100) if start < 1000 else None)

    listing = vendor.get("/crm/objects/2026-03/companies").mock(side_effect=respond)
    answers = [
        {
            "from": {"id": "5"},
            "to": [member(501, 2, 280), member(502, 280)],
            "paging": {"next": {"after": "502"}},
        },
    ]
    rest = [{"from": {"id": "5"}, "to": [member(503, 280)]}]
    nobody = {
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": "No company is associated",
        "context": {"fromObjectId": ["6"]},
    }
    read = vendor.post("/crm/associations/2026-03/companies/contacts/batch/read").mock(
        side_effect=[
            httpx.Response(207, json={"results": answers, "errors": [nobody], "numErrors": 1}),
            httpx.Response(200, json={"results": rest}),
            httpx.Response(200, json={"results": []}),
        ]
    )
    first, last = stream(source, "associations").read(BACKFILL)
    members = [
        (m["source_id"], m["account_source_id"], m["contact_source_id"], m["is_primary"])
        for m in first.records[Membership]
    ]
    assert members == [
        ("5:501", "5", "501", True),
        ("5:502", "5", "502", False),
        ("5:503", "5", "503", False),
    ]
    assert last.records[Membership] == []
    assert listing.call_count == 11
    bodies = sent(read)
    assert [len(body["inputs"]) for body in bodies] == [1000, 1, 100]
    assert bodies[1]["inputs"] == [{"id": "5", "after": "502"}]


def test_a_gap_in_associations_does_not_pass_for_an_empty_company(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    vendor.get("/crm/objects/2026-03/companies").mock(return_value=page_of([{"id": "5"}]))
    broken = {"category": "INTERNAL_ERROR", "message": "try later", "context": {}}
    vendor.post("/crm/associations/2026-03/companies/contacts/batch/read").mock(
        return_value=httpx.Response(207, json={"results": [], "errors": [broken]})
    )
    with pytest.raises(RequestRefused, match="INTERNAL_ERROR: try later"):
        list(stream(source, "associations").read(BACKFILL))


def test_the_daily_quota_says_when_it_opens(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    vendor.get("/crm/owners/2026-03").respond(
        429,
        json={"message": "You have reached your daily limit.", "policyName": "DAILY"},
        headers={"Date": "Fri, 20 Nov 2026 22:30:00 GMT"},
    )
    with pytest.raises(Throttled) as caught:
        list(stream(source, "owners").read(BACKFILL))
    assert caught.value.until == datetime(2026, 11, 21, tzinfo=UTC)
    assert "daily quota" in str(caught.value)

"""Histories of company properties: what is asked for, of whom, and what becomes of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx

from cs_sync import Http, Page, Window
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_schemas import AccountChange, SourceAccount

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
READ = "/crm/objects/2026-03/companies/batch/read"


@pytest.fixture
def source(config: HubSpotConfig, http: Http) -> HubSpotSource:
    settings = {"property_history": True, "company_properties": ("lifecyclestage",)}
    return HubSpotSource(config.model_copy(update=settings), http)


def company(number: int, changed: str = "2026-11-20T08:00:00Z") -> dict[str, Any]:
    return {"id": str(number), "properties": {"hs_lastmodifieddate": changed}, "updatedAt": changed}


def answer_list(vendor: respx.MockRouter, companies: list[Any]) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        archived = request.url.params["archived"] == "true"
        return httpx.Response(200, json={"results": [] if archived else companies})

    vendor.get("/crm/objects/2026-03/companies").mock(side_effect=respond)


def answer_histories(vendor: respx.MockRouter, histories: dict[str, Any]) -> respx.Route:
    results = [
        {"id": id_, "properties": {}, "propertiesWithHistory": properties}
        for id_, properties in histories.items()
    ]
    return vendor.post(READ).respond(json={"status": "COMPLETE", "results": results})


def entry(value: str, at: str) -> dict[str, str]:
    return {"value": value, "timestamp": at, "sourceType": "CRM_UI", "sourceId": "userId:7"}


def read_first_page(source: HubSpotSource, window: Window) -> Page:
    (companies,) = (stream for stream in source.streams() if stream.name == "companies")
    assert companies.record_types[0] is SourceAccount
    assert AccountChange in companies.record_types
    return next(iter(companies.read(window)))


def test_every_value_becomes_a_change_at_its_time(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    answer_list(vendor, [company(1)])
    answer_histories(vendor, {"1": {
        "hubspot_owner_id": [entry("77", "2026-03-02T09:00:00.250Z"),
                             entry("", "2026-02-01T09:00:00Z"),
                             entry("76", "2025-02-01T09:00:00Z")],
        "notes_last_contacted": [entry("2026-11-18T14:30:00Z", "2026-11-18T15:00:00Z"),
                                 entry("1772359200000", "2026-03-01T10:05:00Z")],
        "lifecyclestage": [entry("customer", "2026-01-09T08:00:00Z")],
    }})  # fmt: skip
    page = read_first_page(source, Window(since=None, until=NOW))
    actual = [
        (row["field"], row["value"], row["value_at"], row["happened_at"])
        for row in page.records[AccountChange]
    ]
    march = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
    assert actual == [
        ("owner_source_id", "76", None, datetime(2025, 2, 1, 9, tzinfo=UTC)),
        ("owner_source_id", None, None, datetime(2026, 2, 1, 9, tzinfo=UTC)),
        ("owner_source_id", "77", None, march),
        ("last_contacted_at", None, datetime(2026, 3, 1, 10, tzinfo=UTC),
         datetime(2026, 3, 1, 10, 5, tzinfo=UTC)),
        ("last_contacted_at", None, datetime(2026, 11, 18, 14, 30, tzinfo=UTC),
         datetime(2026, 11, 18, 15, tzinfo=UTC)),
        ("attr.lifecyclestage", "customer", None, datetime(2026, 1, 9, 8, tzinfo=UTC)),
    ]  # fmt: skip
    ids = [row["source_id"] for row in page.records[AccountChange]]
    assert ids[2] == "1:hubspot_owner_id:1772442000250"
    assert {row["account_source_id"] for row in page.records[AccountChange]} == {"1"}


def test_only_mapped_properties_of_fifty_companies_are_asked_at_once(
    source: HubSpotSource, vendor: respx.MockRouter, sent: Callable[[respx.Route], list[Any]]
) -> None:
    answer_list(vendor, [company(number) for number in range(1, 61)])
    route = answer_histories(vendor, {})
    read_first_page(source, Window(since=None, until=NOW))
    first, second = sent(route)
    assert [len(body["inputs"]) for body in (first, second)] == [50, 10]
    names = ["hubspot_owner_id", "notes_last_contacted", "lifecyclestage"]
    assert first["propertiesWithHistory"] == names
    assert first["properties"] == []


def test_companies_that_did_not_change_are_not_asked_about(
    config: HubSpotConfig,
    http: Http,
    vendor: respx.MockRouter,
    sent: Callable[[respx.Route], list[Any]],
) -> None:
    """A calculated property lists all companies; their past is as it was."""
    given = HubSpotConfig.model_validate(
        {"access_token": config.access_token.get_secret_value(), "company_properties": ["arr"]}
    )
    vendor.get("/crm/properties/2026-03/companies").respond(
        json={"results": [{"name": "arr", "calculated": True}]}
    )
    answer_list(vendor, [company(1, "2026-11-01T08:00:00Z"), company(2)])
    route = answer_histories(vendor, {})
    changes = Window(since=NOW - timedelta(days=1), until=NOW, backfill=False)
    read_first_page(HubSpotSource(given, http), changes)
    (body,) = sent(route)
    assert body["inputs"] == [{"id": "2"}]


def test_a_value_without_a_time_is_kept_as_rejected(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    answer_list(vendor, [company(1)])
    answer_histories(vendor, {"1": {
        "lifecyclestage": [entry("customer", "soon"), entry("lead", "2026-01-09T08:00:00Z")],
        "hubspot_owner_id": [{"value": "7"}],
    }})  # fmt: skip
    page = read_first_page(source, Window(since=None, until=NOW))
    assert [row["value"] for row in page.records[AccountChange]] == ["lead"]
    assert [(r.record, r.source_id, r.code) for r in page.rejected] == [
        (AccountChange, "1:hubspot_owner_id", "NO_TIME"),
        (AccountChange, "1:lifecyclestage", "BAD_TIME"),
    ]


def test_an_answer_without_histories_costs_no_record(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    answer_list(vendor, [company(1)])
    vendor.post(READ).respond(json={"results": [{"id": "1", "properties": {}}]})
    page = read_first_page(source, Window(since=None, until=NOW))
    assert len(page.records[SourceAccount]) == 1
    assert (page.records[AccountChange], page.rejected) == ([], [])

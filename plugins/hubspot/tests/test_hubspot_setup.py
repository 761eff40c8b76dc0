"""Preparing a portal, checking a connection, and what the plugin is to the host."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
import respx
from pydantic import ValidationError

import cs_sync_hubspot
from cs_sync import FieldSpec, Finding
from cs_sync_hubspot import paths
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.destination import HubSpotDestination
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_hubspot.transport import is_repeatable

FIELDS = (
    FieldSpec("cs_score", "Health score", "number", "0 to 100."),
    FieldSpec("cs_reasons", "Reasons", "long_text", "Why."),
    FieldSpec("cs_scored_at", "Scored at", "datetime", "When."),
    FieldSpec("cs_band", "Band", "choice", "How well.", (("red", "Red"), ("green", "Green"))),
)
PROPERTIES = "/crm/properties/2026-03"


class Schema:
    """The property settings of a portal."""

    def __init__(self, vendor: respx.MockRouter) -> None:
        self.groups: dict[str, list[str]] = {"companies": [], "tasks": [], "notes": []}
        self.known: dict[str, list[dict[str, Any]]] = {"companies": [], "tasks": [], "notes": []}
        self.created: list[tuple[str, dict[str, Any]]] = []
        self.changed: list[dict[str, Any]] = []
        self.refuse_unique = False
        for kind in self.known:
            base = f"{PROPERTIES}/{kind}"
            vendor.get(f"{base}/groups").mock(side_effect=self._groups(kind))
            vendor.post(f"{base}/groups").mock(side_effect=self._group(kind))
            vendor.get(base).mock(side_effect=self._list(kind))
            vendor.post(base).mock(side_effect=self._create(kind))
        vendor.patch(url__regex=rf".*{PROPERTIES}/companies/\w+$").mock(side_effect=self._change)

    def _groups(self, kind: str) -> Callable[[httpx.Request], httpx.Response]:
        return lambda _: httpx.Response(
            200, json={"results": [{"name": name} for name in self.groups[kind]]}
        )

    def _group(self, kind: str) -> Callable[[httpx.Request], httpx.Response]:
        def respond(request: httpx.Request) -> httpx.Response:
            self.groups[kind].append(orjson.loads(request.content)["name"])
            return httpx.Response(201, content=request.content)

        return respond

    def _list(self, kind: str) -> Callable[[httpx.Request], httpx.Response]:
        return lambda _: httpx.Response(200, json={"results": self.known[kind]})

    def _create(self, kind: str) -> Callable[[httpx.Request], httpx.Response]:
        def respond(request: httpx.Request) -> httpx.Response:
            definition = orjson.loads(request.content)
            if self.refuse_unique and definition["hasUniqueValue"]:
                body = {"category": "VALIDATION_ERROR", "message": "no unique values on tasks"}
                return httpx.Response(400, json=body)
            if definition["name"] in {p["name"] for p in self.known[kind]}:
                return httpx.Response(409, json={"category": "OBJECT_ALREADY_EXISTS"})
            self.known[kind].append(definition)
            self.created.append((kind, definition))
            return httpx.Response(201, json=definition)

        return respond

    def _change(self, request: httpx.Request) -> httpx.Response:
        self.changed.append(orjson.loads(request.content))
        return httpx.Response(200, json={"name": request.url.path.split("/")[-1]})


@pytest.fixture
def schema(vendor: respx.MockRouter) -> Schema:
    return Schema(vendor)


def test_prepare_creates_what_is_missing_once(
    destination: HubSpotDestination, schema: Schema
) -> None:
    findings = list(destination.prepare(FIELDS))
    assert all(f.ok for f in findings)
    assert [f.subject for f in findings] == [
        "companies.cs_score",
        "companies.cs_reasons",
        "companies.cs_scored_at",
        "companies.cs_band",
        "tasks.cs_sync_key",
        "notes.cs_sync_key",
    ]
    assert schema.groups == {"companies": ["cs_sync"], "tasks": ["cs_sync"], "notes": ["cs_sync"]}
    types = {d["name"]: (d["type"], d["fieldType"]) for _, d in schema.created}
    assert types == {
        "cs_score": ("number", "number"),
        "cs_reasons": ("string", "textarea"),
        "cs_scored_at": ("datetime", "date"),
        "cs_band": ("enumeration", "select"),
        "cs_sync_key": ("string", "text"),
    }
    by_name = {d["name"]: d for _, d in schema.created}
    assert by_name["cs_sync_key"]["hasUniqueValue"] is True
    assert by_name["cs_band"]["options"] == [
        {"value": "red", "label": "Red", "displayOrder": 0, "hidden": False},
        {"value": "green", "label": "Green", "displayOrder": 1, "hidden": False},
    ]
    assert "refuses a second task" in findings[-2].message
    assert "refuses a second note" in findings[-1].message

    assert all(f.ok for f in destination.prepare(FIELDS))
    assert len(schema.created) == 6
    assert schema.changed == []


def test_a_property_of_another_type_is_never_touched(
    destination: HubSpotDestination, schema: Schema
) -> None:
    schema.known["companies"].append({"name": "cs_score", "type": "string"})
    first, *rest = destination.prepare(FIELDS)
    assert not first.ok
    assert "string, where number is needed" in first.message
    assert "owned_prefix" in first.remedy
    assert all(f.ok for f in rest)
    assert "cs_score" not in {d["name"] for _, d in schema.created}


def test_a_property_that_appears_meanwhile_is_taken_as_it_is(
    destination: HubSpotDestination, schema: Schema, vendor: respx.MockRouter
) -> None:
    existing = {"name": "cs_score", "type": "number"}
    answers = [httpx.Response(200, json={"results": []})]
    answers += [httpx.Response(200, json={"results": [existing]})] * 3
    vendor.get(f"{PROPERTIES}/companies").mock(side_effect=answers)
    schema.known["companies"].append(existing)
    (finding,) = (f for f in destination.prepare(FIELDS[:1]) if "companies" in f.subject)
    assert finding == Finding(True, "companies.cs_score", "exists")


def test_choices_are_added_and_none_is_taken_away(
    destination: HubSpotDestination, schema: Schema
) -> None:
    old = {"value": "amber", "label": "Amber", "displayOrder": 0, "hidden": False}
    red = {"value": "red", "label": "Rot", "displayOrder": 1, "hidden": False}
    schema.known["companies"].append(
        {"name": "cs_band", "type": "enumeration", "options": [old, red]}
    )
    (finding,) = (f for f in destination.prepare(FIELDS[3:]) if "companies" in f.subject)
    assert finding.ok
    (change,) = schema.changed
    assert [o["value"] for o in change["options"]] == ["amber", "red", "green"]
    assert change["options"][1]["label"] == "Rot"


def test_a_portal_without_unique_task_properties_says_what_holds_then(
    destination: HubSpotDestination, schema: Schema
) -> None:
    schema.refuse_unique = True
    (finding,) = (f for f in destination.prepare(()) if f.subject == "tasks.cs_sync_key")
    assert finding.ok
    assert "looked up by search" in finding.message
    assert schema.known["tasks"][0]["hasUniqueValue"] is False


def test_a_refused_property_does_not_stop_the_others(
    destination: HubSpotDestination, schema: Schema, vendor: respx.MockRouter
) -> None:
    limit = {"category": "VALIDATION_ERROR", "message": "property limit reached"}
    vendor.post(f"{PROPERTIES}/companies").respond(400, json=limit)
    findings = list(destination.prepare(FIELDS))
    assert [f.ok for f in findings] == [False] * 4 + [True, True]
    assert "property limit reached" in findings[0].message
    assert findings[0].remedy


def readable(vendor: respx.MockRouter, known: list[str]) -> None:
    empty: dict[str, Any] = {"results": []}
    vendor.get("/crm/owners/2026-03").respond(json=empty)
    for kind in ("contacts", "feedback_submissions"):
        vendor.get(f"/crm/objects/2026-03/{kind}").respond(json=empty)
    vendor.get("/crm/objects/2026-03/companies").respond(json={"results": [{"id": "7"}]})
    vendor.post("/crm/associations/2026-03/companies/contacts/batch/read").respond(json=empty)
    vendor.get(f"{PROPERTIES}/companies").respond(
        json={"results": [{"name": name} for name in known]}
    )


WANTED = ["account_id", "industry", "country", "numberofemployees", "lifecyclestage"]


def test_check_reads_one_of_each(source: HubSpotSource, vendor: respx.MockRouter) -> None:
    readable(vendor, WANTED)
    findings = list(source.check())
    assert all(f.ok for f in findings)
    assert [f.subject for f in findings] == [*(s.name for s in source.streams()), "properties"]
    assert vendor.calls.call_count == 7


def test_check_names_the_missing_scope_and_goes_on(
    source: HubSpotSource, vendor: respx.MockRouter, refusal: Callable[..., httpx.Response]
) -> None:
    readable(vendor, WANTED)
    scope = "crm.objects.feedback_submissions.read"
    needs = [{"message": "scopes", "context": {"requiredGranularScopes": [scope]}}]
    vendor.get("/crm/objects/2026-03/feedback_submissions").mock(
        return_value=refusal(403, "MISSING_SCOPES", "not granted", errors=needs)
    )
    bad = [f for f in source.check() if not f.ok]
    assert [f.subject for f in bad] == ["feedback_submissions"]
    assert scope in bad[0].remedy


def test_check_stops_at_a_token_that_is_refused(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    vendor.get("/crm/owners/2026-03").respond(401, json={"message": "expired"})
    (finding,) = source.check()
    assert not finding.ok
    assert "access_token" in finding.remedy


def test_check_tells_of_properties_that_do_not_exist(
    config: HubSpotConfig, http: Any, vendor: respx.MockRouter
) -> None:
    readable(vendor, WANTED[1:])
    *_, default = HubSpotSource(config, http).check()
    assert default.ok
    assert "account_id" in default.message
    chosen = HubSpotConfig.model_validate(
        {"access_token": "x" * 9, "account_key_property": "account_id"}
    )
    *_, asked_for = HubSpotSource(chosen, http).check()
    assert not asked_for.ok
    assert "account_key_property" in asked_for.remedy


def test_the_host_finds_both_connectors() -> None:
    assert cs_sync_hubspot.cs_sync_sources() == [HubSpotSource]
    assert cs_sync_hubspot.cs_sync_destinations() == [HubSpotDestination]


@pytest.mark.slow("starts a process")
def test_loading_the_plugin_does_not_load_the_client() -> None:
    code = (
        "import sys, cs_sync_hubspot as p; p.cs_sync_sources(); p.cs_sync_destinations(); "
        "sys.exit('hubspot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ValidationError, match="access_token"):
        HubSpotConfig.model_validate({})
    with pytest.raises(ValidationError, match="company_properties"):
        HubSpotConfig.model_validate({"access_token": "x", "company_properties": ["no spaces!"]})


@pytest.mark.parametrize(
    ("client", "ours"),
    [
        ("/crm/v3/objects/companies", "/crm/objects/2026-03/companies"),
        ("/crm/v3/objects/tasks/batch/read", "/crm/objects/2026-03/tasks/batch/read"),
        ("/crm/v3/owners/", "/crm/owners/2026-03"),
        ("/crm/v3/properties/tasks", "/crm/properties/2026-03/tasks"),
        ("/crm/v4/associations/a/b/batch/read", "/crm/associations/2026-03/a/b/batch/read"),
    ],
)
def test_paths_are_dated(client: str, ours: str) -> None:
    assert paths.to_dated_path(client) == ours


def test_a_path_outside_the_table_is_refused() -> None:
    with pytest.raises(LookupError, match="table"):
        paths.to_dated_path("/crm/v3/imports")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/crm/objects/2026-03/companies", True),
        ("POST", "/crm/objects/2026-03/companies/search", True),
        ("POST", "/crm/objects/2026-03/companies/batch/update", True),
        ("POST", "/crm/properties/2026-03/tasks", True),
        ("POST", "/crm/objects/2026-03/tasks/batch/create", False),
    ],
)
def test_only_creating_a_task_is_never_repeated(method: str, path: str, expected: bool) -> None:
    assert is_repeatable(method, path) is expected

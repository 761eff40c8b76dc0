"""The connector keeps the host's promises: the conformance kit against the sandbox's HubSpot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import httpx
import orjson
import pytest
from starlette.applications import Starlette

from cs_sync.testing import (
    CrmFake,
    DestinationConformance,
    SourceConformance,
    VendorFake,
    make_asgi_answer,
)
from cs_sync_hubspot.destination import HubSpotDestination
from cs_sync_hubspot.idempotent_objects import KEY
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_sandbox.hubspot import Portal, build_portal, list_routes
from cs_sync_sandbox.hubspot.portal import Record
from cs_sync_sandbox.hubspot.seed import COMPANY_TO_CONTACT, OWNER
from cs_sync_sandbox.keys import HUBSPOT_TOKEN
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.world import World, build_world

pytestmark = pytest.mark.slow("syncs the sandbox for each promise")

SETTINGS = {
    "access_token": HUBSPOT_TOKEN,
    "base_url": "https://sandbox.example/hubspot",
    "survey_scales": {"CSAT": [1, 5]},
}
EDITS = {
    "companies": {"name": "Renamed Ltd"},
    "contacts": {"jobtitle": "Queen"},
    "feedback_submissions": {"hs_content": "On second thoughts, good"},
}
NEW: dict[str, dict[str, str]] = {
    "companies": {"name": "New Ltd", "domain": "new.example"},
    "contacts": {"email": "new@new.example", "firstname": "Ada"},
    "feedback_submissions": {"hs_survey_type": "NPS", "hs_value": "9"},
}


@cache
def world() -> World:
    whole = build_world(7, date(2026, 11, 20), 6)
    answers = [a for a in whole.survey_answers if a.channel == "hubspot"][:7]
    return replace(whole, people=whole.people[:7], survey_answers=tuple(answers))


def portal_app(portal: Portal, now: Callable[[], Any]) -> Starlette:
    return Starlette(routes=list(list_routes(Site(world(), now), portal)))


def refusal(status: int, words: str) -> httpx.Response:
    category = {401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES"}.get(status, "ERROR")
    body = {"status": "error", "message": words, "correlationId": "c0ffee", "category": category}
    return httpx.Response(status, json=body)


class HubSpotVendor(VendorFake):
    """A portal of which every list and search gives a few records at a time."""

    connector = HubSpotSource
    one_page: ClassVar[Mapping[str, str]] = {
        "associations": "a thousand companies' contacts come at once"
    }
    free_text = ("name", "firstName", "firstname", "jobtitle", "hs_content")

    def __init__(self, now: Callable[[], Any], folder: Path) -> None:
        super().__init__(now, folder)
        self.portal = build_portal(world(), now)
        self._answers = make_asgi_answer(portal_app(self.portal, now))

    def settings(self) -> Mapping[str, Any]:
        return SETTINGS

    def answer(self, request: httpx.Request) -> httpx.Response:
        return self._answers(self._in_small_pages(request))

    def refusal(self, status: int, words: str) -> httpx.Response:
        return refusal(status, words)

    def _in_small_pages(self, request: httpx.Request) -> httpx.Request:
        url, content = request.url, request.content
        if "limit" in url.params:
            limit = min(self.page_size, int(url.params["limit"]))
            url = url.copy_set_param("limit", str(limit))
        if url.path.endswith("/search"):
            asked = orjson.loads(content)
            content = orjson.dumps({**asked, "limit": min(self.page_size, asked["limit"])})
        headers = {k: v for k, v in request.headers.items() if k != "content-length"}
        return httpx.Request(request.method, url, headers=headers, content=content)

    def add(self, stream: str) -> str:
        if stream == "owners":
            number = max(owner.number for owner in self.portal.owners) + 1
            new = replace(self.portal.owners[0], number=number, first="Ada")
            self.portal.owners = (*self.portal.owners, new)
            return str(OWNER + number)
        if stream == "associations":
            company, contact = self._living("companies")[4], self.add("contacts")
            self.portal.link("companies", company, "contacts", contact, COMPANY_TO_CONTACT)
            return f"{company}:{contact}"
        return self.portal.create(stream, NEW[stream]).id

    def edit(self, stream: str) -> str | None:
        if stream == "owners":
            first, *rest = self.portal.owners
            self.portal.owners = (replace(first, first="Renamed"), *rest)
            return str(OWNER + first.number)
        if stream == "associations":
            return None
        record = self.portal.objects[stream][self._living(stream)[0]]
        self.portal.update(record, EDITS[stream])
        return record.id

    def delete(self, stream: str) -> str:
        if stream == "owners":
            first, second, *rest = self.portal.owners
            self.portal.owners = (first, *rest)
            return str(OWNER + second.number)
        if stream == "associations":
            links = self.portal.links
            start = next(k for k in links if k[0] == "companies" and k[2] == "contacts")
            contact = next(iter(links[start]))
            del links[start][contact]
            return f"{start[1]}:{contact}"
        record = self.portal.objects[stream][self._living(stream)[1]]
        self.portal.archive(record)
        return record.id

    def merge(self, stream: str) -> tuple[str, str] | None:
        if stream not in ("companies", "contacts"):
            return None
        gone, survivor = self._living(stream)[2:4]
        objects = self.portal.objects[stream]
        self.portal.merge(stream, objects[survivor], objects[gone])
        return gone, survivor

    def _living(self, kind: str) -> list[str]:
        return sorted(record.id for record in self.portal.live(kind))


class HubSpotCrm(CrmFake):
    """A portal that remembers what is written."""

    connector = HubSpotDestination
    missing_account = "1"

    def __init__(self, now: Callable[[], Any], folder: Path) -> None:
        super().__init__(now, folder)
        self.portal = build_portal(world(), now)
        self._answers = make_asgi_answer(portal_app(self.portal, now))

    def settings(self) -> Mapping[str, Any]:
        return SETTINGS

    def answer(self, request: httpx.Request) -> httpx.Response:
        return self._answers(request)

    def refusal(self, status: int, words: str) -> httpx.Response:
        return refusal(status, words)

    def accounts(self) -> Sequence[str]:
        return sorted(record.id for record in self.portal.live("companies"))

    def fields(self, remote_id: str) -> Mapping[str, Any]:
        return self.portal.objects["companies"][remote_id].properties

    def follow_ups(self) -> Sequence[str]:
        return [str(task.properties[KEY]) for task in self.portal.live("tasks")]

    def complete(self, key: str) -> None:
        task = self.portal.required("tasks", key, KEY)
        self.portal.update(task, {"hs_task_status": "COMPLETED"})

    def completed(self, key: str) -> bool:
        task = self.portal.required("tasks", key, KEY)
        return task.properties["hs_task_status"] == "COMPLETED"


class HubSpotWithoutUniqueKeys(HubSpotCrm):
    """A portal that refuses unique properties on tasks and notes; its index knows all at once."""

    refuses_twins = False

    def __init__(self, now: Callable[[], Any], folder: Path) -> None:
        super().__init__(now, folder)
        self.portal.unique_task_properties = False
        self.portal.search_lag = timedelta(0)

    def complete(self, key: str) -> None:
        self.portal.update(self._task(key), {"hs_task_status": "COMPLETED"})

    def completed(self, key: str) -> bool:
        return self._task(key).properties["hs_task_status"] == "COMPLETED"

    def _task(self, key: str) -> Record:
        return next(t for t in self.portal.live("tasks") if t.properties[KEY] == key)


class TestHubSpotSource(SourceConformance):
    vendor = HubSpotVendor


class TestHubSpotDestination(DestinationConformance):
    crm = HubSpotCrm


class TestHubSpotDestinationWithoutUniqueKeys(DestinationConformance):
    crm = HubSpotWithoutUniqueKeys

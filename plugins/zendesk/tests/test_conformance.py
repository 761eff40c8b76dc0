"""The connector keeps the host's promises: the conformance kit against the sandbox's Zendesk."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette

from cs_sync.testing import SourceConformance, VendorFake, make_asgi_answer
from cs_sync_sandbox.keys import ZENDESK_CLIENT_ID, ZENDESK_CLIENT_SECRET
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.world import World, build_world
from cs_sync_sandbox.zendesk import list_routes, objects
from cs_sync_zendesk.source import ZendeskSource

pytestmark = pytest.mark.slow("syncs the sandbox for each promise")


@cache
def small_world() -> World:
    whole = build_world(7, date(2026, 11, 20), 20)
    tickets = [ticket for ticket in whole.tickets if ticket.status != "deleted"]
    gone = [ticket for ticket in whole.tickets if ticket.status == "deleted"]
    open_ = [replace(ticket, status="open", solved_at=None) for ticket in tickets[:4]]
    return replace(
        whole,
        companies=tuple(c for c in whole.companies if c.in_zendesk)[:8],
        people=tuple(p for p in whole.people if p.in_zendesk)[:8],
        tickets=(*open_, *tickets[4:8], *gone[:1]),
    )


class ZendeskVendor(VendorFake):
    """The sandbox's exports; what was changed is a new world, and old tokens end with the old."""

    connector = ZendeskSource
    start = datetime(2040, 1, 1, 9, tzinfo=UTC)
    """Later than the wall clock, by which `check` asks for a sample of yesterday."""

    free_text = ("subject", "name", "comment")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.world = small_world()
        self.gone: set[int] = set()
        self.expire_tokens()

    def settings(self) -> Mapping[str, Any]:
        keys = {"client_id": ZENDESK_CLIENT_ID, "client_secret": ZENDESK_CLIENT_SECRET}
        return {"base_url": "https://sandbox.example/zendesk", **keys}

    def expire_tokens(self) -> bool:
        site = Site(self.world, self.now)
        self._answers = make_asgi_answer(Starlette(routes=list(list_routes(site))))
        return True

    def refusal(self, status: int, words: str) -> httpx.Response:
        return httpx.Response(status, json={"error": "refused", "description": words})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """A page that would end within the second it began in is longer, as Zendesk says."""
        size = self.page_size
        while True:
            response = self._answers(_with_page_size(request, size))
            body = orjson.loads(response.content) if response.is_success else {}
            if str(body.get("end_time")) != request.url.params.get("start_time"):
                break
            if body.get("end_of_stream"):
                break
            size += self.page_size
        return self._marking_the_gone(response, body)

    def _marking_the_gone(self, response: httpx.Response, body: dict[str, Any]) -> httpx.Response:
        for row in body.get("organizations", ()):
            row["deleted_at"] = row["updated_at"] if row["id"] in self.gone else None
        for row in body.get("users", ()):
            row["active"] = row["id"] not in self.gone
        if not response.is_success:
            return response
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        return httpx.Response(response.status_code, headers=headers, content=orjson.dumps(body))

    def add(self, stream: str) -> str:
        now, world = self.now(), self.world
        if stream == "tickets":
            number = max(t.number for t in world.tickets) + 1
            new = replace(self._open(0), number=number, created_at=now, updated_at=now)
            self._become(tickets=(*world.tickets, new))
            return str(number)
        if stream == "users":
            number = max(p.number for p in world.people) + 1
            name = f"u-{number:05d}"
            person = replace(world.people[0], number=number, key=name, created_at=now)
            self._become(people=(*world.people, person))
            return str(objects.get_user_id(name))
        number = max(c.number for c in world.companies) + 1
        name = f"acct_{number:04d}"
        company = replace(world.companies[0], number=number, key=name, created_at=now)
        self._become(companies=(*world.companies, company))
        return str(objects.get_organization_id(name))

    def edit(self, stream: str) -> str:
        return self._change(stream, 1, gone=False)

    def delete(self, stream: str) -> str:
        return self._change(stream, 2, gone=True)

    def remove_child(self, stream: str) -> str | None:
        if stream != "tickets":
            return None
        rated = next(t for t in self.world.tickets if t.rating and t.status != "deleted")
        new = replace(rated, rating=None, updated_at=self.now())
        self._become(tickets=tuple(new if t is rated else t for t in self.world.tickets))
        return str(rated.number)

    def _change(self, stream: str, place: int, *, gone: bool) -> str:
        now, world = self.now(), self.world
        if stream == "tickets":
            old = self._open(place)
            new = replace(old, subject="Quite another matter", updated_at=now)
            if gone:
                new = replace(old, status="deleted", updated_at=now - timedelta(minutes=3))
            self._become(tickets=tuple(new if t is old else t for t in world.tickets))
            return str(old.number)
        if stream == "users":
            person = world.people[place]
            changed = replace(person, first="Renamed", created_at=now)
            self._become(people=tuple(changed if p is person else p for p in world.people))
            return self._lost(objects.get_user_id(person.key), gone)
        company = world.companies[place]
        renamed = replace(company, name="Renamed Ltd", created_at=now)
        self._become(companies=tuple(renamed if c is company else c for c in world.companies))
        return self._lost(objects.get_organization_id(company.key), gone)

    def _lost(self, number: int, gone: bool) -> str:
        if gone:
            self.gone.add(number)
        return str(number)

    def _open(self, place: int) -> Any:
        return [t for t in self.world.tickets if t.status not in ("deleted", "closed")][place]

    def _become(self, **changes: Any) -> None:
        self.world = replace(self.world, **changes)
        self.expire_tokens()


def _with_page_size(request: httpx.Request, size: int) -> httpx.Request:
    if "per_page" not in request.url.params:
        return request
    url = request.url.copy_set_param("per_page", str(size))
    return httpx.Request(request.method, url, headers=request.headers)


class TestZendesk(SourceConformance):
    vendor = ZendeskVendor

"""The connector keeps the host's promises: the conformance kit against a Freshdesk in memory."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import httpx
import pytest

from cs_sync.testing import ListVendorFake, SourceConformance
from cs_sync_freshdesk import cs_sync_sources

pytestmark = pytest.mark.slow("syncs Freshdesk for each promise")

KEY = "-".join(("freshdesk", "not", "a", "key"))
CREDENTIAL = httpx.BasicAuth(KEY, "X")._auth_header
TRASH_DAYS = 30


class FreshdeskVendor(ListVendorFake):
    """The number of a page is where it begins, as the kit varies its size."""

    (connector,) = cs_sync_sources()
    free_text = ("name", "subject", "feedback")
    lists = ("companies", "contacts", "tickets", "ratings")
    edits: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "companies": {"name": "Renamed"},
        "contacts": {"name": "Renamed"},
        "tickets": {"subject": "Renamed"},
    }

    def settings(self) -> Mapping[str, Any]:
        return {"base_url": "https://acme.freshdesk.com", "api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != CREDENTIAL:
            return httpx.Response(401, json={"code": "invalid_credentials", "message": "no"})
        query = request.url.params
        name = request.url.path.split("/")[-1].replace("satisfaction_", "")
        dated = "created_at" if name == "ratings" else "updated_at"
        since = next((query[key] for key in query if key.endswith("_since")), "")
        state = query.get("state") or query.get("filter") or "here"
        matching = [i for i in self.items[name].values() if self._state(i) == state]
        matching = sorted(
            (i for i in matching if i[dated] >= since), key=lambda i: (i[dated], i["id"])
        )
        page, end = self.cut(matching, int(query.get("page", 1)) - 1, int(query["per_page"]))
        following = f'<{request.url.copy_set_param("page", (end or 0) + 1)}>; rel="next"'
        return httpx.Response(200, json=page, headers={"link": following} if end else {})

    def delete(self, stream: str) -> str | None:
        """Tickets and contacts are shown as deleted afterwards, companies are gone."""
        if stream in ("companies", "ratings"):
            return super().delete(stream) if stream == "companies" else None
        return self.put(stream, id=1002, state="deleted")

    def remove_child(self, stream: str) -> str | None:
        """One of two companies leaves a contact."""
        if stream != "contacts":
            return None
        self.put(stream, id=1003, other_companies=[])
        return "1003:1000"

    def _state(self, item: Mapping[str, Any]) -> str:
        state: str = item.get("state", "here")
        ended = self.write_time(self.now() - timedelta(days=TRASH_DAYS))
        forgotten = state == "deleted" and "subject" in item and item["updated_at"] < ended
        return "forgotten" if forgotten else state

    def make_id(self, name: str, number: int) -> int:
        return 1000 + number

    def make(self, name: str, number: int) -> Mapping[str, Any]:
        id, at = 1000 + number, self.write_time(self.now() - timedelta(days=max(0, 30 - number)))
        born = {"created_at": at if number < self.count else self.write_time(self.now())}
        if name == "companies":
            company = {"name": f"C {id}", "domains": [f"c{id}.example"]}
            return {**born, **company, "custom_fields": {"seats": 3}}
        if name == "contacts":
            others = [{"company_id": 1000, "view_all_tickets": False}] if id == 1003 else []
            person = {"name": f"P {id}", "email": f"p@c{id}.example", "company_id": id}
            return {**born, **person, "other_companies": others, "other_emails": []}
        if name == "ratings":
            given = {"ratings": {"default_question": 103}, "feedback": "Fine", "survey_id": 1}
            return {**born, **given, "user_id": id, "ticket_id": id}
        people = {"company_id": id, "requester_id": id, "source": 1, "priority": 2}
        stats = {"first_responded_at": None, "resolved_at": None, "closed_at": None}
        ticket = {"subject": "Help", "status": 2 + id % 4, "tags": ["x"], "stats": stats}
        return {**born, **people, **ticket}


class TestFreshdesk(SourceConformance):
    vendor = FreshdeskVendor

"""Marble in memory: what the conformance kit runs the connector against."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import httpx

from cs_sync.testing import ListVendorFake
from cs_sync_marble import cs_sync_sources

KEY = "-".join(("marble", "not", "a", "real", "key"))


class MarbleVendor(ListVendorFake):
    """Lists of items by id; each change dates the item, as Marble does."""

    (connector,) = cs_sync_sources()
    free_text = ("name", "first_name", "subject")
    lists = ("customers", "people", "tickets")
    dated = "changed_at"
    edits: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "customers": {"name": "Renamed"},
        "people": {"first_name": "Renamed"},
        "tickets": {"state": "done"},
    }

    def settings(self) -> Mapping[str, Any]:
        """The only key that Marble knows."""
        return {"api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a page of a list, or of a customer's people."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return self.refusal(401, "unknown key")
        query = request.url.params
        _, name, *parent = request.url.path.strip("/").split("/")
        matching = [
            item
            for item in self.items["people" if parent else name].values()
            if (not parent or item["customer"] == parent[0])
            and query.get("changed_since", "") <= item["changed_at"]
            and query.get("after", "") < _find_place(item)
        ]
        page, end = self.cut(sorted(matching, key=_find_place), 0, int(query["limit"]))
        return httpx.Response(200, json={"items": page, "next": end and _find_place(page[-1])})

    def make(self, name: str, number: int) -> Mapping[str, Any]:
        """A customer, one of its people, or a ticket of it."""
        opened, customer = self.now() - timedelta(days=40), f"customers-{number % 10:03d}"
        if name == "customers":
            site = f"https://www.c{number}.example/"
            return {"name": f"Customer {number}", "website": site, "created": opened.timestamp()}
        if name == "people":
            return {"first_name": "Ana", "last_name": "Nowak", "customer": customer}
        ticket = {"subject": "Help!", "state": "new", "opened_at": self.write_time(opened)}
        return {**ticket, "customer": customer}

    def delete(self, stream: str) -> str | None:
        """A deleted ticket stays in the list, marked; others are gone."""
        if stream != "tickets":
            return super().delete(stream)
        return self.put(stream, id=self.make_id(stream, 2), deleted=True)


def _find_place(item: Mapping[str, Any]) -> str:
    return f"{item['changed_at']} {item['id']}"

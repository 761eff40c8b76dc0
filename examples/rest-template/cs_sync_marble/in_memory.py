"""Marble in memory: what the conformance kit runs the connector against."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from cs_sync.testing import VendorFake
from cs_sync_marble import cs_sync_sources

KEY = "-".join(("marble", "not", "a", "real", "key"))


class MarbleVendor(VendorFake):
    """Lists of items by id; each change dates the item, as Marble does."""

    (connector,) = cs_sync_sources()
    free_text = ("name", "first_name", "subject")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.lists: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in ("customers", "people", "tickets")
        }
        for number in range(10):
            for stream in self.lists:
                self._put(stream, ago=timedelta(days=30 - number), **self._make(stream, number))

    def settings(self) -> Mapping[str, Any]:
        """The only key that Marble knows."""
        return {"api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a page of a list, or of a customer's people."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return self.refusal(401, "unknown key")
        query = request.url.params
        _, stream, *parent = request.url.path.strip("/").split("/")
        items = [
            item
            for item in self.lists["people" if parent else stream].values()
            if (not parent or item["customer"] == parent[0])
            and query.get("changed_since", "") <= item["changed_at"]
            and query.get("after", "") < _find_place(item)
        ]
        items.sort(key=_find_place)
        page = items[: min(self.page_size, int(query["limit"]))]
        more = len(items) > len(page)
        body = {"items": page, "next": _find_place(page[-1]) if more else None}
        return httpx.Response(200, json=body)

    def add(self, stream: str) -> str:
        """One more, of the first customer."""
        return self._put(stream, **self._make(stream, 0))

    def edit(self, stream: str) -> str:
        """Names change, a ticket is solved."""
        changes: dict[str, dict[str, Any]] = {
            "customers": {"name": "Renamed"},
            "people": {"first_name": "Renamed"},
            "tickets": {"state": "done"},
        }
        return self._put(stream, id=f"{stream}-001", **changes[stream])

    def delete(self, stream: str) -> str:
        """A deleted ticket stays in the list, marked; others are gone."""
        name = f"{stream}-002"
        if stream == "tickets":
            return self._put(stream, id=name, deleted=True)
        del self.lists[stream][name]
        return name

    def _make(self, stream: str, number: int) -> dict[str, Any]:
        opened = self.now() - timedelta(days=40)
        if stream == "customers":
            site = f"https://www.c{number}.example/"
            return {"name": f"Customer {number}", "website": site, "created": opened.timestamp()}
        customer = f"customers-{number % 10:03d}"
        if stream == "people":
            return {"first_name": "Ana", "last_name": "Nowak", "customer": customer}
        ticket = {"subject": "Help!", "state": "new", "opened_at": opened.isoformat()}
        return {**ticket, "customer": customer}

    def _put(self, stream: str, *, ago: timedelta = timedelta(0), **fields: Any) -> str:
        items = self.lists[stream]
        name: str = fields.pop("id", f"{stream}-{len(items):03d}")
        changed = {"id": name, "changed_at": (self.now() - ago).isoformat()}
        items[name] = {**items.get(name, {}), **fields, **changed}
        return name


def _find_place(item: Mapping[str, Any]) -> str:
    return f"{item['changed_at']} {item['id']}"

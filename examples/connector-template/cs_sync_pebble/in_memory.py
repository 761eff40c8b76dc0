"""Pebble in memory: what the conformance kit runs the connector against."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from cs_sync.testing import VendorFake
from cs_sync_pebble.source import PebbleSource

KEY = "-".join(("pebble", "not", "a", "real", "key"))


class PebbleVendor(VendorFake):
    """Two lists of items by id; each change dates the item, as Pebble does."""

    connector = PebbleSource

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.lists: dict[str, dict[str, dict[str, Any]]] = {"customers": {}, "tickets": {}}
        for number in range(10):
            ago = timedelta(days=30 - number)
            self._put("customers", name=f"Customer {number}", domain=f"c{number}.example", ago=ago)
            self._put("tickets", **self._ticket(number), ago=ago)

    def settings(self) -> Mapping[str, Any]:
        """The only key that Pebble knows."""
        return {"api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer `GET /v1/LIST`, a page at a time.

        By time of change and id.
        """
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return self.refusal(401, "unknown key")
        query = request.url.params
        items = sorted(self.lists[request.url.path.split("/")[-1]].values(), key=_place)
        items = [
            item
            for item in items
            if query.get("changed_since", "") <= item["changed_at"]
            and item["changed_at"] < query.get("changed_before", "9999")
            and query.get("after", "") < _place(item)
        ]
        page = items[: min(self.page_size, int(query.get("limit", 100)))]
        more = len(items) > len(page)
        return httpx.Response(200, json={"items": page, "next": _place(page[-1]) if more else None})

    def add(self, stream: str) -> str:
        """A new customer, or a new ticket of the first one."""
        fields: dict[str, Any] = {"name": "New"} if stream == "customers" else self._ticket(0)
        return self._put(stream, **fields)

    def edit(self, stream: str) -> str:
        """A customer gets another name, a ticket is solved."""
        changed: dict[str, Any] = (
            {"name": "Renamed"} if stream == "customers" else {"status": "solved"}
        )
        return self._put(stream, id=f"{stream}-001", **changed)

    def delete(self, stream: str) -> str:
        """What is deleted stays in the list, marked."""
        return self._put(stream, id=f"{stream}-002", deleted=True)

    def merge(self, stream: str) -> tuple[str, str] | None:
        """Only customers can be merged."""
        if stream != "customers":
            return None
        merged, survivor = "customers-003", "customers-004"
        self._put(stream, id=survivor)
        return self._put(stream, id=merged, deleted=True, merged_into=survivor), survivor

    def _ticket(self, number: int) -> dict[str, Any]:
        opened = (self.now() - timedelta(days=40)).isoformat()
        customer = f"customers-{number:03d}"
        return {"subject": "Help!", "status": "open", "opened_at": opened, "customer": customer}

    def _put(self, stream: str, *, ago: timedelta = timedelta(0), **fields: Any) -> str:
        items = self.lists[stream]
        name: str = fields.pop("id", f"{stream}-{len(items):03d}")
        changed = {"id": name, "changed_at": (self.now() - ago).isoformat()}
        items[name] = {**items.get(name, {}), **fields, **changed}
        return name


def _place(item: Mapping[str, Any]) -> str:
    return f"{item['changed_at']} {item['id']}"

"""The connector keeps the host's promises: the conformance kit against an Intercom in memory."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import httpx
import orjson
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync_intercom import cs_sync_sources

pytestmark = pytest.mark.slow("syncs Intercom for each promise")

TOKEN = "_".join(("intercom", "not", "a", "token"))
DAY = 86_400
Item = dict[str, Any]


class IntercomVendor(VendorFake):
    """Searches by time of change, contacts by day; a scroll remembers where it is."""

    (connector,) = cs_sync_sources()
    free_text = ("name", "title", "remark", "subject")
    vital = ("id", "pages", "next", "starting_after", "scroll_param")
    empty_page_ends: ClassVar = {"companies": "a scroll may give no count, and says nothing else"}
    one_page: ClassVar = {
        "admins": "Intercom lists all admins at once",
        "companies": "a scroll is read whole: what is lost of it cannot be asked for again",
    }

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        names = ("admins", "companies", "contacts", "conversations", "deleted")
        self.scroll: Iterator[Item] = iter(())
        self.lists: dict[str, dict[str, Item]] = {name: {} for name in names}
        for number in range(10):
            for name in names[:-1]:
                self._put(name, timedelta(days=20 - number))

    def settings(self) -> Mapping[str, Any]:
        return {"access_token": TOKEN}

    def answer(self, request: httpx.Request) -> httpx.Response:
        sent = (request.headers.get("authorization"), request.headers.get("intercom-version"))
        if sent != (f"Bearer {TOKEN}", "2.16"):
            errors = [{"code": "unauthorized", "message": "Access Token Invalid"}]
            return httpx.Response(401, json={"type": "error.list", "errors": errors})
        match request.url.path.strip("/").split("/"):
            case ["admins"]:
                body: Item = {"type": "admin.list", "admins": [*self.lists["admins"].values()]}
            case ["companies", "scroll"]:
                body = self._scroll(request.url.params.get("scroll_param"))
            case [name, "search"]:
                body = self._search(name, orjson.loads(request.content))
            case ["conversations", "deleted"]:
                gone = [*self.lists["deleted"].values()]
                body = {"conversations": gone, "pages": {"page": 1, "total_pages": 1}}
            case ["contacts", id, "companies"]:
                body = {"companies": self.lists["contacts"][id]["companies"]["data"]}
            case ["conversations", id]:
                body = {**self.lists["conversations"][id], "conversation_parts": self._parts()}
        return httpx.Response(200, json=body)

    def _scroll(self, opened: str | None) -> Item:
        """Go on from where the last answer ended, whether or not it arrived."""
        if opened is None:
            self.scroll = iter([*self.lists["companies"].values()])
        page = list(islice(self.scroll, self.page_size))
        scroll = {"scroll_param": "opened", "total_count": None, "pages": None}
        return {"type": "list", "data": page, **scroll}

    def _search(self, name: str, asked: Item) -> Item:
        since = asked["query"]["value"]
        since = (since // DAY + 1) * DAY if name == "contacts" and since else since
        after = asked["pagination"].get("starting_after", "")
        matching = [(f"{i['updated_at']}|{i['id']}", i) for i in self.lists[name].values()]
        matching = sorted(each for each in matching if each[1]["updated_at"] >= since)
        matching = [each for each in matching if each[0] > after]
        page = matching[: min(self.page_size, asked["pagination"]["per_page"])]
        pages: Item = {"type": "pages", "page": 1, "total_pages": 9}
        if len(page) < len(matching):
            pages["next"] = {"per_page": len(page), "starting_after": page[-1][0]}
        items = "data" if name == "contacts" else name
        return {items: [item for _, item in page], "total_count": len(matching), "pages": pages}

    def _parts(self) -> Item:
        parts = [{"id": "9", "part_type": "comment", "author": {"type": "admin", "id": "1"}}]
        return {"type": "conversation_part.list", "conversation_parts": parts, "total_count": 1}

    def add(self, stream: str) -> str:
        return str(self._put(stream)["id"])

    def edit(self, stream: str) -> str:
        name = "title" if stream == "conversations" else "name"
        return str(self._put(stream, id="1001", **{name: "Renamed"})["id"])

    def delete(self, stream: str) -> str | None:
        """Contacts go without a word: a full run finds out."""
        if stream == "contacts":
            return None
        gone = self.lists[stream].pop("1002")
        if stream == "conversations":
            self.lists["deleted"]["1002"] = {"type": "conversation", "id": "1002"}
        return str(gone["id"])

    def remove_child(self, stream: str) -> str | None:
        if stream == "contacts":
            self._put("contacts", id="1003", companies={"data": [], "has_more": False})
            return "1003:c1003"
        if stream == "conversations":
            return str(self._put("conversations", id="1003", conversation_rating=None)["id"])
        return None

    def _put(self, name: str, ago: timedelta = timedelta(0), /, **fields: Any) -> Item:
        items = self.lists[name]
        id = fields.setdefault("id", str(1000 + len(items)))
        at = int((self.now() - ago).astimezone(UTC).timestamp())
        first = items.get(id) or {"created_at": at, **getattr(self, f"_make_{name}")(id, at)}
        items[id] = {**first, **fields, "updated_at": at}
        return items[id]

    def _make_admins(self, id: str, at: int) -> Item:
        return {"type": "admin", "name": f"A {id}", "email": f"a{id}@us.example"}

    def _make_companies(self, id: str, at: int) -> Item:
        plan = {"type": "plan", "id": "1", "name": "Pro"}
        return {"company_id": f"k{id}", "name": f"C {id}", "plan": plan, "custom_attributes": {}}

    def _make_contacts(self, id: str, at: int) -> Item:
        companies = {"data": [{"id": f"c{id}", "type": "company"}], "has_more": id == "1004"}
        return {"name": f"P {id}", "email": f"p{id}@c.example", "companies": companies}

    def _make_conversations(self, id: str, at: int) -> Item:
        rating = {"rating": 4, "remark": "ok", "created_at": at, "updated_at": at}
        statistics = {"first_admin_reply_at": at, "count_reopens": 0, "count_assignments": 1}
        people = {"contacts": {"contacts": [{"type": "contact", "id": id}]}}
        state = {"state": "open", "title": "Help", "source": {"type": "conversation"}}
        return {**people, **state, "conversation_rating": rating, "statistics": statistics}


class TestIntercom(SourceConformance):
    vendor = IntercomVendor

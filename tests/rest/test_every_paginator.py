"""The conformance kit on one described API, whose lists go on in each of the known ways."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from cs_sync.rest import RestSource, make_source
from cs_sync.testing import SourceConformance, VendorFake

pytestmark = pytest.mark.slow("syncs for each promise, for each paginator")

KEY = "-".join(("acme", "not", "a", "real", "key"))
SIZED = {"size_param": "limit", "size": 100}


def describe_things(pages: Mapping[str, Any], **stream: Any) -> type[RestSource]:
    """Things with a name, in lists that go on in this way."""
    things = {
        "record": "source_account",
        "path": "/things",
        "items": "data",
        "deletes": "sweep",
        "fields": {"source_id": "id", "name": "name", "updated_at": "at"},
        **stream,
    }
    return make_source(
        {
            "name": "acme",
            "settings": {
                "base_url": {"default": "https://api.acme.example"},
                "key": {"kind": "secret"},
            },
            "auth": {"kind": "header", "headers": {"X-Api-Key": "{key}"}},
            "pages": {**pages, **SIZED},
            "streams": {"things": things},
        },
        module="cs_sync.rest",
    )


class Things(VendorFake):
    """A list of things by id; `find_page` and `describe_page` are the way in which it goes on."""

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.things: dict[str, dict[str, Any]] = {}
        for number in range(10):
            self._put(timedelta(days=20 - number))

    def settings(self) -> Mapping[str, Any]:
        return {"key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("x-api-key") != KEY:
            return self.refusal(401, "unknown key")
        query = request.url.params
        rows = self.sort(list(self.things.values()), query)
        begin = self.find_page(rows, query)
        end = begin + min(self.page_size, int(query["limit"]))
        return self.describe_page(request.url, rows, rows[begin:end], end)

    def sort(self, rows: list[Any], query: httpx.QueryParams) -> list[Any]:
        return sorted(rows, key=lambda row: row["id"])

    def find_page(self, rows: list[Any], query: httpx.QueryParams) -> int:
        """The numbers of pages, too, are where they begin, as the kit varies their size."""
        return int(query.get("page", 1)) - 1

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        return httpx.Response(200, json={"data": page})

    def add(self, stream: str) -> str:
        return self._put()

    def edit(self, stream: str) -> str:
        return self._put(id="t001", name="Renamed")

    def delete(self, stream: str) -> str:
        return str(self.things.pop("t002")["id"])

    def _put(self, ago: timedelta = timedelta(0), /, **fields: Any) -> str:
        id = str(fields.get("id", f"t{len(self.things):03d}"))
        while not fields and id in self.things:
            id = f"t{int(id[1:]) + 1:03d}"
        at = f"{self.now() - ago:%Y-%m-%dT%H:%M:%SZ}"
        self.things[id] = {"id": id, "name": f"Thing {id}", **fields, "at": at}
        return id


class CursorThings(Things):
    connector = describe_things({"kind": "cursor", "param": "after", "next": "page.next"})

    def find_page(self, rows: list[Any], query: httpx.QueryParams) -> int:
        return sum(row["id"] <= query.get("after", "") for row in rows)

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        following = page[-1]["id"] if end < len(rows) else None
        return httpx.Response(200, json={"data": page, "page": {"next": following}})


class NextUrlThings(CursorThings):
    connector = describe_things({"kind": "next_url", "next": "next"})

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        following = url.copy_set_param("after", page[-1]["id"]) if end < len(rows) else None
        return httpx.Response(200, json={"data": page, "next": following and str(following)})


class LinkThings(Things):
    connector = describe_things({"kind": "link"})

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        following = f'<{url.copy_set_param("page", end + 1)}>; rel="next"'
        headers = {"link": following} if end < len(rows) else {}
        return httpx.Response(200, json={"data": page}, headers=headers)


class OffsetThings(Things):
    connector = describe_things({"kind": "offset", "total": "total"})

    def find_page(self, rows: list[Any], query: httpx.QueryParams) -> int:
        return int(query["offset"])

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        return httpx.Response(200, json={"data": page, "total": len(rows)})


class EmptyPageThings(OffsetThings):
    connector = describe_things({"kind": "offset"})
    empty_page_ends: ClassVar[Mapping[str, str]] = {"things": "it says nothing else"}


class KeysetThings(CursorThings):
    connector = describe_things({"kind": "keyset", "param": "after", "more": "more"})

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        return httpx.Response(200, json={"data": page, "more": end < len(rows)})


class AnchorThings(Things):
    """Oldest change first."""

    connector = describe_things(
        {"kind": "anchor", "param": "since", "at": "at", "more": "more", "cap": 800},
        since={"param": "since"},
        deletes="never",
    )

    def sort(self, rows: list[Any], query: httpx.QueryParams) -> list[Any]:
        changed = [row for row in rows if row["at"] >= query.get("since", "")]
        return sorted(changed, key=lambda row: (row["at"], row["id"]))

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        return httpx.Response(200, json={"data": page, "more": end < len(rows)})


class TokenThings(Things):
    """Changes in their order, for ever; what is deleted is among them."""

    connector = describe_things(
        {"kind": "cursor", "param": "after", "next": "after", "more": "more"},
        cursor="token",
        deletes="flag",
        deleted="gone",
    )
    vital = ("id", "seq")
    changes = 0

    def sort(self, rows: list[Any], query: httpx.QueryParams) -> list[Any]:
        return sorted(rows, key=lambda row: row["seq"])

    def find_page(self, rows: list[Any], query: httpx.QueryParams) -> int:
        return sum(row["seq"] <= int(query.get("after", 0)) for row in rows)

    def describe_page(self, url: httpx.URL, rows: Any, page: Any, end: int) -> httpx.Response:
        after = page[-1]["seq"] if page else None
        return httpx.Response(200, json={"data": page, "after": after, "more": end < len(rows)})

    def delete(self, stream: str) -> str:
        return self._put(id="t002", gone=True)

    def _put(self, ago: timedelta = timedelta(0), /, **fields: Any) -> str:
        id = super()._put(ago, **fields)
        self.changes += 1
        self.things[id]["seq"] = self.changes
        return id


class TestCursor(SourceConformance):
    vendor = CursorThings


class TestToken(SourceConformance):
    vendor = TokenThings


class TestNextUrl(SourceConformance):
    vendor = NextUrlThings


class TestLink(SourceConformance):
    vendor = LinkThings


class TestOffset(SourceConformance):
    vendor = OffsetThings


class TestEmptyPage(SourceConformance):
    vendor = EmptyPageThings


class TestKeyset(SourceConformance):
    vendor = KeysetThings


class TestAnchor(SourceConformance):
    vendor = AnchorThings

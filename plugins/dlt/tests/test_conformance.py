"""The bridge keeps the host's promises: the conformance kit with a small source of dlt's."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync_dlt import source
from cs_sync_dlt.source import DltSource

pytestmark = pytest.mark.slow("syncs by dlt for each promise")

KEY = "-".join(("not", "a", "real", "key"))
ROWS = 7


class ShopVendor(VendorFake):
    """A source with two resources: one by time of change, one that is read as a whole."""

    connector = DltSource

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.lists: dict[str, list[dict[str, Any]]] = {"accounts": [], "owners": []}
        for name in self.lists:
            for number in range(ROWS):
                self._put(name, timedelta(days=ROWS - number))

    def settings(self) -> Mapping[str, Any]:
        fields = {"source_id": "id", "name": "name"}
        accounts = {"record": "source_account", "fields": {**fields, "updated_at": "updated_at"}}
        since = {"cursor": "updated_at", "start": "2000-01-01T00:00:00Z"}
        return {
            "source": f"{Path(__file__).parent / 'shop_source.py'}:shop",
            "settings": {"file": str(self.folder / "shop.json")},
            "secrets": {"key": KEY},
            "streams": {
                "accounts": {**accounts, "since": since},
                "owners": {"record": "owner", "fields": fields},
            },
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"the bridge asks {request.url}")

    def add(self, stream: str) -> str:
        return self._put(stream)

    def edit(self, stream: str) -> str:
        row = self.lists[stream][0]
        row |= {"name": "Renamed", "updated_at": f"{self.now():%Y-%m-%dT%H:%M:%SZ}"}
        self._write()
        return str(row["id"])

    def delete(self, stream: str) -> str | None:
        if stream == "accounts":
            return None
        row = self.lists[stream].pop(1)
        self._write()
        return str(row["id"])

    def _put(self, name: str, ago: timedelta = timedelta(0)) -> str:
        number = len(self.lists[name]) + 1
        at = f"{self.now() - ago:%Y-%m-%dT%H:%M:%SZ}"
        row = {"id": f"{name}-{number}", "name": f"No. {number}", "updated_at": at}
        self.lists[name].append(row)
        self._write()
        return str(row["id"])

    def _write(self) -> None:
        (self.folder / "shop.json").write_text(json.dumps({"key": KEY, "lists": self.lists}))


class TestDlt(SourceConformance):
    vendor = ShopVendor

    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("dlt", reason="`make test-bridges` runs it, as dlt is large")
        monkeypatch.setattr(source, "PAGE_RECORDS", 3)

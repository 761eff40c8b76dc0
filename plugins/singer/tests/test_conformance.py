"""The bridge keeps the host's promises: the conformance kit with a small tap of its own."""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync_singer import messages
from cs_sync_singer.source import SingerSource

pytestmark = pytest.mark.slow("starts a tap for each read")

TAP = Path(__file__).parent / "tap_shop.py"
KEY = "-".join(("not", "a", "real", "key"))
ROWS = 7


class ShopVendor(VendorFake):
    """A tap with two lists: one that it reads from its state on, one that it reads as a whole."""

    connector = SingerSource

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.lists: dict[str, list[dict[str, Any]]] = {"accounts": [], "owners": []}
        for name in self.lists:
            for number in range(ROWS):
                self._put(name, timedelta(days=ROWS - number))

    def settings(self) -> Mapping[str, Any]:
        fields = {"source_id": "id", "name": "name"}
        accounts = {"record": "source_account", "fields": {**fields, "updated_at": "updated_at"}}
        owners = {"record": "owner", "fields": fields, "replication": "full_table"}
        return {
            "command": [sys.executable, "-S", "-E", str(TAP)],
            "settings": {"file": str(self.folder / "shop.json")},
            "secrets": {"key": KEY},
            "streams": {"accounts": accounts, "owners": owners},
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
        shop = {"key": KEY, "version": 1, "lists": self.lists}
        (self.folder / "shop.json").write_text(json.dumps(shop))


class TestSinger(SourceConformance):
    vendor = ShopVendor

    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(messages, "PAGE_RECORDS", 3)

"""The connector keeps the host's promises: the conformance kit with a folder for a vendor."""

import csv
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync.testing.syncing import SyncHarness
from cs_sync_files import pages
from cs_sync_files.source import FilesSource

PAGE_ROWS, ROWS = 4, 11


class FilesVendor(VendorFake):
    """A folder with two tables of three pages each."""

    connector = FilesSource

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.exports = folder / "exports"
        self.exports.mkdir()
        accounts = [{"source_id": f"a{n}", "name": f"Account {n}"} for n in range(ROWS)]
        products = [{"source_id": f"p{n}", "name": f"Product {n}"} for n in range(ROWS)]
        self.tables = {"accounts": accounts, "products": products}
        self._write("accounts")
        self._write("products")

    def settings(self) -> Mapping[str, Any]:
        return {"path": str(self.exports)}

    def answer(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"files asks {request.url}")

    def add(self, stream: str) -> str:
        name = f"new{len(self.tables[stream])}"
        self.tables[stream].append({"source_id": name, "name": "New"})
        self._write(stream)
        return name

    def edit(self, stream: str) -> str:
        row = self.tables[stream][0]
        row["name"] = "Renamed"
        self._write(stream)
        return row["source_id"]

    def delete(self, stream: str) -> str:
        row = self.tables[stream].pop(1)
        self._write(stream)
        return row["source_id"]

    def _write(self, table: str) -> None:
        with (self.exports / f"{table}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ("source_id", "name"))
            writer.writeheader()
            writer.writerows(self.tables[table])


class TestFiles(SourceConformance):
    vendor = FilesVendor

    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pages, "PAGE_ROWS", PAGE_ROWS)


class RejectingVendor(FilesVendor):
    """A folder of two tables, one with a row that is rejected."""

    def __init__(self, now: Callable[[], Any], folder: Path) -> None:
        super().__init__(now, folder)
        self.tables["products"].append({"source_id": "", "name": "Nameless"})
        self._write("products")


@pytest.mark.parametrize("vendor", [FilesVendor, RejectingVendor])
def test_a_run_counts_what_is_kept_and_what_stays_rejected(
    tmp_path: Path, vendor: type[VendorFake]
) -> None:
    bench = SyncHarness(vendor, tmp_path)
    before = bench.sync()
    bench.clock.sleep(60)
    again = bench.sync()
    for name, outcome in before.outcomes.items():
        kept = again.outcomes[name]
        assert (kept.status, kept.error) == (outcome.status, outcome.error)
        assert kept.stored.records == outcome.stored.records > 0
        assert kept.stored.rejected == outcome.stored.rejected
        assert (kept.stored.changed, kept.stored.deleted) == (0, 0)
    deleted = bench.vendor.delete("accounts")
    bench.clock.sleep(60)
    assert bench.sync().outcomes["accounts"].stored.deleted == 1
    assert not any(deleted in key for key in bench.present())
    bench.close()

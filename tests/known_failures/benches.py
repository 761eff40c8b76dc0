"""The conformance kit's benches for one test at a time: a vendor that answers as the test says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from cs_sync.testing import SyncHarness, VendorFake
from cs_sync_schemas import Record, get_table

Json = dict[str, Any]
Reply = Callable[[httpx.Request], httpx.Response]


@contextmanager
def bench_of(
    folder: Path, connector: type[Any], settings: Mapping[str, Any], reply: Reply
) -> Iterator[SyncHarness]:
    """The real connector and the real sync on SQLite; every request is answered by `reply`."""

    class Vendor(VendorFake):
        def settings(self) -> Mapping[str, Any]:
            return settings

        def answer(self, request: httpx.Request) -> httpx.Response:
            return reply(request)

    Vendor.connector = connector
    bench = SyncHarness(Vendor, folder)
    try:
        yield bench
    finally:
        bench.close()


def stored(bench: SyncHarness, record: type[Record]) -> dict[str, Json]:
    """`source_id` → the newest row of a kind, gone ones too."""
    table = get_table(record)
    order = [table.c.source_id, *(c for c in table.primary_key if c.name == "valid_from")]
    with bench.store.read() as connection:
        actual = connection.execute(select(table).order_by(*order)).mappings()
        return {row["source_id"]: dict(row) for row in actual}


def living(bench: SyncHarness, record: type[Record]) -> list[str]:
    """Ids of the rows of a kind that are not gone."""
    rows = stored(bench, record)
    return [source_id for source_id, row in rows.items() if row["deleted_at"] is None]


def unix(at: datetime) -> int:
    """Whole seconds since 1970."""
    return int(at.timestamp())


def ago(bench: SyncHarness, **amount: float) -> datetime:
    """So long before the bench's now."""
    return bench.clock.now() - timedelta(**amount)

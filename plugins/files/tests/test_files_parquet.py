"""Parquet files with values at the edge: stored exactly, or refused with a reason."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync import Page, Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_files.source import FilesConfig, FilesSource
from cs_sync_schemas.money import MAX_MINOR_UNITS

arrow = pytest.importorskip(
    "pyarrow", reason="the extra customer-success-sync-files[parquet] is optional"
)


REFERRED = {
    "accounts": "source_id,name\na,Acme\n",
    "subscriptions": "source_id,account,status,started_at,currency\ns,a,active,2026-01-01,EUR\n",
}


def read(folder: Path, table: str, columns: dict[str, Any]) -> Page:
    """The one page of a table in Warsaw."""
    from pyarrow import parquet

    parquet.write_table(arrow.table(columns), folder / f"{table}.parquet")
    workspace = WorkspaceInfo(timezone=ZoneInfo("Europe/Warsaw"), folder=folder)
    config = FilesConfig(path=folder, workspace=workspace)
    for name in REFERRED.keys() - {table}:
        (folder / f"{name}.csv").write_text(REFERRED[name])
    streams = FilesSource(config, VendorHttp("files", ())).streams()
    [stream] = [stream for stream in streams if stream.name == table]
    [page] = stream.read(Window(None, datetime(2026, 11, 30, tzinfo=UTC)))
    return page


def stored(page: Page, *names: str) -> list[tuple[Any, ...]]:
    [rows] = page.records.values()
    return [tuple(row.get(name) for name in names) for row in rows]


def test_a_time_without_a_zone_is_of_the_reporting_zone_and_an_empty_cell_is_unknown(
    tmp_path: Path,
) -> None:
    noon = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - what a data frame holds
    for kind in ("s", "ms", "us", "ns"):
        times = arrow.array([noon, None], arrow.timestamp(kind))
        page = read(tmp_path, "accounts", {"source_id": ["a", "b"], "created_at": times})
        assert stored(page, "source_id", "created_at") == [
            ("a", datetime(2026, 1, 1, 11, tzinfo=UTC)),
            ("b", None),
        ]
        assert page.rejected == []


def test_a_decimal_column_is_exact_or_refused_as_every_amount(tmp_path: Path) -> None:
    amounts = [Decimal("4900"), Decimal(MAX_MINOR_UNITS), None]
    rows = {
        "source_id": ["i1", "i2", "i3"],
        "subscription_source_id": ["s"] * 3,
        "interval": ["month"] * 3,
        "tiers": [None, None, '{"mode": "volume", "tiers": [{"unit_amount": 1}]}'],
    }
    whole = arrow.array(amounts, arrow.decimal128(38, 0))
    page = read(tmp_path, "subscription_items", {**rows, "unit_amount": whole})
    assert [amount for (amount,) in stored(page, "unit_amount")] == amounts
    euros = arrow.array([Decimal("49.00")] * 3, arrow.decimal128(10, 2))
    page = read(tmp_path, "subscription_items", {**rows, "unit_amount": euros})
    assert len(page.rejected) == 3
    assert "column unit_amount: 49.00 is not a whole number of minor units" in (
        page.rejected[0].reason
    )


def test_numbers_that_are_none_are_refused_with_what_they_were(tmp_path: Path) -> None:
    days = [date(2026, 1, day) for day in (1, 2, 3, 4)]
    seconds = arrow.array([60.0, math.nan, math.inf, 2.5], arrow.float64())
    page = read(
        tmp_path, "usage_days", {"account": ["a"] * 4, "day": days, "events": [1] * 4,
                                 "seconds": seconds},
    )  # fmt: skip
    assert stored(page, "seconds") == [(60,)]
    assert [r.raw["row"]["seconds"] for r in page.rejected] == ["nan", "inf", 2.5]
    assert [r.reason.rpartition("seconds: ")[2] for r in page.rejected] == [
        "nan is not a number", "inf is not a number", "2.5 is not a whole number",
    ]  # fmt: skip


def test_nested_columns_are_lists_and_attributes_or_refused(tmp_path: Path) -> None:
    page = read(
        tmp_path,
        "accounts",
        {
            "source_id": ["a", "b"],
            "name": arrow.array([None, {"first": "x"}]),
            "extra_domains": [["x.example", "y.example"], None],
            "attr.tags": [["p", "q"], None],
        },
    )
    assert stored(page, "source_id", "extra_domains", "attributes") == [
        ("a", ["x.example", "y.example"], {"tags": ["p", "q"]})
    ]
    assert "column name: {'first': 'x'}" in page.rejected[0].reason


def test_a_file_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    page = read(tmp_path, "accounts", {"source_id": arrow.array([], arrow.string())})
    assert stored(page) == []
    assert page.rejected == []

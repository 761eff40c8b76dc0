"""Exports: every table in every format, one moment, whole files, nothing a spreadsheet runs."""

import csv
import json
import stat
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cs_sync.export import export as job
from cs_sync.export.export import EXCLUDED_TABLES, EXPORT_FORMATS
from cs_sync.export.formats import make_parquet_writer
from cs_sync.store.engine import Store
from cs_sync.store.records.rejects import REJECTED
from cs_sync.store.runs import begin_run, read_runs
from cs_sync_schemas import SubscriptionItem, get_table
from tests.conftest import NOW, Clock
from tests.jobs.road import BOOKS, Place, small_company

pytestmark = pytest.mark.slow("writes every table in every format")

EVIL = '=HYPERLINK("http://evil.example","a\nb")'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = small_company(tmp_path)
    quoted = EVIL.replace('"', '""')
    made.write("data/accounts.csv", BOOKS["accounts.csv"] + f'evil,"{quoted}",evil.example,team\n')
    assert made.run("sync").code == 0
    return made


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    parquet = pytest.importorskip(
        "pyarrow.parquet", reason="customer-success-sync[parquet] is optional"
    )
    actual: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return actual


@pytest.mark.parametrize("kind", EXPORT_FORMATS)
def test_every_table_is_written_whole(place: Place, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="customer-success-sync[parquet] is optional")
    summary = place.json("export", str(place.path / "out"), "--format", kind)
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    left_out = {"alembic_version", *(table.name for table in EXCLUDED_TABLES)}
    assert {row["table"] for row in summary} == {r["name"] for r in place.select(tables)} - left_out
    for row in summary:
        path = Path(row["path"])
        (counted,) = place.select(f"SELECT COUNT(*) AS n FROM {row['table']}")
        assert len(rows_of(path)) == row["rows"] == counted["n"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list((place.path / "out").glob("*.part")) == []
    names = {row["name"] for row in rows_of(place.path / "out" / f"source_account.{kind}")}
    assert ("'" + EVIL if kind == "csv" else EVIL) in names


def test_parquet_keeps_the_types(place: Place) -> None:
    pytest.importorskip("pyarrow", reason="customer-success-sync[parquet] is optional")
    place.run("export", str(place.path), "--format", "parquet")
    item = rows_of(place.path / "subscription_item.parquet")[0]
    assert item["quantity"] == Decimal(10)
    assert item["valid_from"] == datetime.fromisoformat("2024-12-31T23:00:00+00:00")
    (account, *_) = rows_of(place.path / "source_account.parquet")
    assert json.loads(account["attributes"]) == {"plan": "team"}
    assert account["is_test"] is False


def test_parquet_holds_numbers_of_every_size(tmp_path: Path) -> None:
    """18 digits before the point and 12 behind it, more than Python's decimals keep by default."""
    from pyarrow import parquet

    table, path = get_table(SubscriptionItem), tmp_path / "items.parquet"
    numbers = [Decimal(10**18), Decimal("-999999999999999999.000000000001"), Decimal(0), None]
    empty = dict.fromkeys(column.name for column in table.c)
    pages = [[{**empty, "quantity": number} for number in numbers], []]
    assert make_parquet_writer()(path, table, pages) == 4
    assert parquet.read_table(path)["quantity"].to_pylist() == numbers
    assert make_parquet_writer()(path, table, []) == 0
    assert parquet.read_table(path).num_rows == 0


def test_without_pyarrow_it_says_what_to_install(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ran = place.run("export", str(place.path), "--format", "parquet")
    assert ran.code == 2
    assert "pip install 'customer-success-sync[parquet]'" in ran.err


def test_a_file_that_fails_leaves_the_old_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run("export", str(place.path), "--format", "csv")
    before = {path: path.read_bytes() for path in place.path.glob("*.csv")}

    def full(path: Path, *_: Any) -> int:
        path.write_text("half")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(job, "write_csv", full)
    ran = place.run("export", str(place.path), "--format", "csv")
    assert ran.code == 2
    assert "cannot be written: No space left on device" in ran.err
    assert {path: path.read_bytes() for path in place.path.glob("*.csv")} == before
    assert list(place.path.glob("*.part")) == []


def test_a_folder_that_cannot_be_made_is_named(place: Place) -> None:
    (place.path / "file").write_text("")
    ran = place.run("export", str(place.path / "file" / "out"))
    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_a_snapshot_sees_one_moment(store: Store, clock: Clock) -> None:
    with store.snapshot() as seen:
        assert seen.execute(REJECTED.select()).all() == []
        with store.write() as connection:
            begin_run(connection, "r1", "sync", NOW)
        assert read_runs(seen, 5) == []
    with store.read() as connection:
        assert [run["id"] for run in read_runs(connection, 5)] == ["r1"]

"""Files as other programs write them: CSV round trips, Parquet with and without pyarrow."""

import csv
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cs_sync import ConfigError
from cs_sync_files.cells import parse_decimal, parse_unit_amount
from cs_sync_files.readers import read_columns, read_rows
from cs_sync_files.rows import RowParser
from cs_sync_files.tables import BY_NAME
from cs_sync_files.times import parse_instant

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
FOLDER_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@FOLDER_IS_REUSED
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_whatever_text_is_written_is_read(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    path = tmp_path / "accounts.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("source_id", "name"), *cells])
    assert [tuple(row.cells) for row in read_rows(path)] == cells


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_keep_every_digit(value: Decimal) -> None:
    assert parse_decimal(str(value)) == value


@given(st.integers(-(10**12), 10**12), st.integers(0, 12))
def test_a_price_of_a_unit_is_whole_or_a_fraction_without_a_point(digits: int, places: int) -> None:
    price = Decimal(digits).scaleb(-places)
    assert parse_unit_amount(f"{digits}e-{places}") == price
    assert parse_unit_amount(digits) == digits
    with pytest.raises(ValueError, match="not a whole number of minor units"):
        parse_unit_amount(f"{digits}.{'0' * (places + 1)}")


@pytest.mark.parametrize("cell", ["4900", " 4900 ", "4.9E+03", "4.9e3", 4900])
def test_a_price_that_spreadsheets_write_with_an_exponent_is_read(cell: object) -> None:
    assert parse_unit_amount(cell) == 4900


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 12, 31), timezones=st.timezones()))  # noqa: DTZ001
def test_times_with_an_offset_are_instants_whatever_the_zone(value: datetime) -> None:
    assert parse_instant(value.isoformat(), ZoneInfo("Asia/Tokyo")) == value.astimezone(UTC)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="needs pyarrow") as refused:
        list(read_rows(tmp_path / "accounts.parquet"))
    assert "customer-success-sync-files[parquet]" in refused.value.remedy


def test_parquet_rows_become_the_same_records(tmp_path: Path) -> None:
    arrow = pytest.importorskip(
        "pyarrow", reason="the extra customer-success-sync-files[parquet] is optional"
    )
    from pyarrow import parquet

    path = tmp_path / "usage_days.parquet"
    days = [date(2026, 11, 20), datetime(2026, 11, 20, 23, 30, tzinfo=UTC)]
    for value in days:
        table = {"day": [value, None], "account": ["a1", "a1"], "events": [5, None]}
        parquet.write_table(arrow.table(table), path)
        assert read_columns(path) == ("day", "account", "events")
        row, empty = read_rows(path)
        record = RowParser(BY_NAME["usage_days"], ZoneInfo("Europe/Warsaw")).parse(row)
        zone_day = 20 if value is days[0] else 21  # 23:30 UTC is the next day in Warsaw
        assert record["day"] == date(2026, 11, zone_day)
        assert (record["account_source_id"], record["events"]) == ("a1", 5)
        assert empty.line == 2
        assert row()["day"].startswith("2026-11-20")


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip(
        "pyarrow", reason="the extra customer-success-sync-files[parquet] is optional"
    )
    path = tmp_path / "accounts.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(ConfigError, match="is not a Parquet file"):
        list(read_rows(path))


@pytest.mark.parametrize("begin", ["\n", "\r\n \r\n", "\nsep=;\n", "\ufeff\n"])
def test_blank_lines_before_the_header_are_passed(tmp_path: Path, begin: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(f"{begin}source_id;name\na1;Pelican\n", encoding="utf-8")
    assert read_columns(path) == ("source_id", "name")
    assert [row.cells for row in read_rows(path)] == [["a1", "Pelican"]]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("P" * 200_000, "a cell has more than 131,072 characters"),
        ('"Pelican', "a quote is never closed"),
    ],
)
def test_what_is_no_csv_is_told_in_plain_words(tmp_path: Path, cell: str, text: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(f"source_id,name\na1,{cell}\n", encoding="utf-8")
    [row] = read_rows(path)
    assert row.fault
    assert row.fault[0] == "bad_csv"
    assert text in row.fault[1]

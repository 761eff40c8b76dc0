"""Workbooks: values as a spreadsheet shows them; what it does not show is refused."""

import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from cs_sync import ConfigError, Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_files.layouts import FileLayout
from cs_sync_files.raw_rows import RawRow
from cs_sync_files.readers import read_columns, read_rows
from cs_sync_files.source import FilesConfig, FilesSource

openpyxl = pytest.importorskip(
    "openpyxl", reason="the extra customer-success-sync-files[xlsx] is optional"
)
Lines = Sequence[Sequence[Any]]


def save(path: Path, sheets: Mapping[str, Lines], formats: Mapping[str, str] | None = None) -> Path:
    """Write a workbook; `formats` are of cells of its first sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append(line)
    for place, number_format in (formats or {}).items():
        book.worksheets[0][place].number_format = number_format
    book.save(path)
    return path


def read(folder: Path, name: str, described: str) -> tuple[list[dict[str, Any]], list[str]]:
    workspace = WorkspaceInfo.model_validate({"timezone": "Europe/Berlin", "folder": folder})
    settings = {"path": ".", "workspace": workspace, **tomllib.loads(described)}
    source = FilesSource(FilesConfig.model_validate(settings), VendorHttp("files", ()))
    (stream,) = [stream for stream in source.streams() if stream.name == name]
    pages = list(stream.read(Window(None, datetime(2026, 12, 1, tzinfo=UTC))))
    rows = [{**row, "raw": row["raw"]()} for page in pages for row in page.records[stream.record]]
    return rows, [rejection.reason for page in pages for rejection in page.rejected]


def test_a_workbook_is_read_as_it_is_shown(tmp_path: Path) -> None:
    lines: Lines = [
        ["Customers", None], [], ["No", "Name", "Since", "Fee", "Share", "At"],
        [1001, " Zoë ", date(2026, 1, 2), 0.1 + 0.2, 0.19, time(3, 4)],
        [None, None, None, None, None, None],
        [1002.0, None, datetime(2026, 1, 2, 3, 4), 49, 1, None],  # noqa: DTZ001 - local
        ["Total", None, None, 49.3],
    ]  # fmt: skip
    path = save(tmp_path / "x.xlsx", {"A": lines}, {"E4": "0%", "E6": "0.0%"})
    layout = FileLayout(header=3, totals="skip")
    assert read_columns(path, layout) == ("No", "Name", "Since", "Fee", "Share", "At")
    assert [(row.line, row.cells) for row in read_rows(path, layout)] == [
        (4, [1001, "Zoë", datetime(2026, 1, 2), 0.3, "19%", "03:04:00"]),  # noqa: DTZ001 - local
        (6, [1002, None, datetime(2026, 1, 2, 3, 4), 49, "100%", None]),  # noqa: DTZ001 - local
    ]


def test_rows_of_a_mapped_sheet_are_records(tmp_path: Path) -> None:
    accounts: Lines = [["No", "Name", "Since", "Seats"], [1001, "Zoë", date(2026, 1, 2), 5]]
    deals: Lines = [["No", "Fee", "From"], [1001, 49.1, date(2026, 1, 2)], [1001, "49,10", "x"]]
    save(tmp_path / "Customers.xlsx", {"Customers": accounts, "Deals": deals})
    described = """
    [read.accounts]
    file = "Customers.xlsx"
    sheet = "customers"
    [map.accounts]
    source_id = "No"
    name = "Name"
    created_at = "Since"
    "attr.*" = "*"
    [read.subscriptions]
    file = "Customers.xlsx"
    sheet = "Deals"
    [map.subscriptions]
    source_id = { columns = ["No", "Fee"] }
    account = "No"
    started_at = "From"
    currency = "=EUR"
    """
    rows, rejected = read(tmp_path, "accounts", described)
    assert rejected == []
    assert rows == [
        {
            "source_id": "1001",
            "name": "Zoë",
            "created_at": datetime(2026, 1, 1, 23, tzinfo=UTC),
            "attributes": {"Seats": 5},
            "raw": {"No": 1001, "Name": "Zoë", "Since": "2026-01-02 00:00:00", "Seats": 5},
        }
    ]
    rows, rejected = read(tmp_path, "subscriptions", described)
    assert [row["source_id"] for row in rows] == ["1001 49.1"]
    assert rejected == ["Customers.xlsx, line 3, column From: 'x' is not an ISO 8601 date or time"]


def test_what_a_cell_does_not_show_is_refused(tmp_path: Path) -> None:
    lines: Lines = [
        ["source_id", "unit_amount", "quantity", "subscription", "interval", "valid_from"],
        ["i1", "=1+1", 1, "s", "month", date(2026, 1, 1)],
        ["i2", 4900, "#REF!", "s", "month", date(2026, 1, 1)],
        ["i3", 4900, 0.5, "s", "month", date(2026, 1, 1)],
        ["i4", 4900, 0.5, "s", "month", date(2026, 1, 1)],
    ]
    book = openpyxl.load_workbook(save(tmp_path / "subscription_items.xlsx", {"A": lines}))
    book.active["C3"].data_type = "e"
    book.active["C4"].number_format = "0%"
    book.save(tmp_path / "subscription_items.xlsx")
    for name, text in {
        "accounts": "source_id\na\n",
        "subscriptions": "source_id,account,started_at,currency\ns,a,2026-01-01,EUR\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    rows, rejected = read(tmp_path, "subscription_items", "")
    assert [(row["source_id"], row["quantity"]) for row in rows] == [("i4", Decimal("0.5"))]
    assert [reason.partition("column ")[2] for reason in rejected] == [
        "unit_amount: =1+1 (its result is not stored; open the file in the spreadsheet, and save "
        "it) is not a decimal number such as 4900 or 0.35",
        "quantity: #REF! (an error of the spreadsheet) is not a decimal number such as 4900 or "
        "0.35",
        "quantity: '50%' is not a decimal number such as 4900 or 0.35",
    ]


def test_the_result_of_a_formula_is_what_a_spreadsheet_stored(tmp_path: Path) -> None:
    path = save(tmp_path / "accounts.xlsx", {"A": [["source_id", "name"], ["a", "=B1"]]})
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    assert "<f>B1</f>" in sheet
    before, _, after = sheet.partition("<f>B1</f>")
    after = after[after.index("</c>") :]
    parts["xl/worksheets/sheet1.xml"] = f"{before}<f>B1</f><v>7</v>{after}".encode()
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert [row.cells for row in read_rows(path)] == [["a", 7]]


@pytest.mark.parametrize(
    ("sheets", "layout", "what", "remedy"),
    [
        ({"A": [["x"]], "B": [["y"]]}, {}, "has several sheets: 'A', 'B'", 'set sheet = "A"'),
        ({"A": [["x"]]}, {"sheet": "C"}, "has no sheet 'C'", "correct sheet; it has A"),
        ({"A": []}, {}, "is empty", "give it a header line, or take it out of the folder"),
        ({"A": [["x"]]}, {"header": 3}, "has no column names in line 3", "correct header"),
    ],
)
def test_a_workbook_that_leaves_a_question_is_refused(
    tmp_path: Path, sheets: Mapping[str, Lines], layout: dict[str, Any], what: str, remedy: str
) -> None:
    path = save(tmp_path / "x.xlsx", sheets)
    with pytest.raises(ConfigError) as refused:
        read_columns(path, FileLayout(**layout))
    assert refused.value.message == f"{path} {what}"
    assert refused.value.remedy == remedy


def test_an_empty_sheet_beside_another_is_no_question(tmp_path: Path) -> None:
    path = save(tmp_path / "x.xlsx", {"A": [], "B": [["y"], [1]]})
    assert list(read_rows(path)) == [RawRow("x.xlsx", 2, ("y",), [1])]


def test_a_cell_beside_the_columns_rejects_its_row(tmp_path: Path) -> None:
    path = save(tmp_path / "x.xlsx", {"A": [["y"], [1, None, "see mail"]]})
    (row,) = read_rows(path)
    assert row.fault == ("too_many_cells", "has 3 cells under 1 columns; name every column")
    assert row() == {"y": 1, "": [None, "see mail"]}


def test_what_is_no_workbook_and_a_missing_library_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.xlsx"
    path.write_text("no workbook")
    with pytest.raises(ConfigError, match="is not a workbook"):
        read_columns(path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError, match="needs openpyxl") as missing:
        read_columns(path)
    assert "pip install 'customer-success-sync-files[xlsx]'" in missing.value.remedy

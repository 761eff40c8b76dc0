"""Ten odd spreadsheets: each gives right values, or one sentence of what is wrong where."""

import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cs_sync import Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_files.source import FilesConfig, FilesSource

UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
ACCOUNTS = "source_id\n1001\n1002\n"
Contents = Mapping[str, str | bytes]
Open = Callable[[Contents, str], FilesSource]


@pytest.fixture
def source(tmp_path: Path) -> Open:
    """A source over a folder of these files, described in TOML, in a workspace in Berlin."""

    def make(contents: Contents, described: str) -> FilesSource:
        for name, content in contents.items():
            raw = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name).write_bytes(raw)
        workspace = WorkspaceInfo.model_validate(
            {"timezone": "Europe/Berlin", "folder": tmp_path, "section": "files"}
        )
        settings = {"path": ".", "workspace": workspace, **tomllib.loads(described)}
        return FilesSource(FilesConfig.model_validate(settings), VendorHttp("files", ()))

    return make


def read(source: FilesSource, name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of a table without `raw`, and the reasons of those that were rejected."""
    (stream,) = [stream for stream in source.streams() if stream.name == name]
    pages = list(stream.read(Window(None, UNTIL)))
    rows = [{**row} for page in pages for row in page.records[stream.record]]
    for row in rows:
        row.pop("raw")
    return rows, [rejection.reason for page in pages for rejection in page.rejected]


GERMAN = """\
Kundenliste, Stand 1.11.2026;;;;
Nr.;Firma;Umsatz;Seit;Ort
1001;Müller & Söhne;1.234,56;01.02.2024;Köln
1002;Bär AG;99,00;15.12.2025;

Summe;;1.333,56;;
;;;;

"""
GERMAN_LAYOUT = """
[read.accounts]
file = "Kundenliste*"
header = 2
encoding = "windows-1252"
decimal = ","
format = "DD.MM.YYYY"
totals = "skip"
[map.accounts]
source_id = "Nr."
name = "Firma"
created_at = "Seit"
"attr.revenue" = { column = "Umsatz", decimal = "," }
"attr.*" = "*"
"""


def test_1_a_german_list_with_a_title_a_total_and_windows_1252(source: Open) -> None:
    opened = source({"Kundenliste 2026.csv": GERMAN.encode("cp1252")}, GERMAN_LAYOUT)
    rows, rejected = read(opened, "accounts")
    assert rejected == []
    assert rows == [
        {
            "source_id": "1001",
            "name": "Müller & Söhne",
            "created_at": datetime(2024, 1, 31, 23, tzinfo=UTC),  # midnight in Berlin
            "attributes": {"revenue": 1234.56, "Ort": "Köln"},
        },
        {
            "source_id": "1002",
            "name": "Bär AG",
            "created_at": datetime(2025, 12, 14, 23, tzinfo=UTC),
            "attributes": {"revenue": 99.0},
        },
    ]
    (finding,) = opened.check()
    assert (finding.ok, finding.message) == (True, "5 of 5 columns, 2 rows")


def test_1_b_what_is_not_said_of_it_is_named(source: Open) -> None:
    german = {"Kundenliste.csv": GERMAN.encode("cp1252")}
    layout = GERMAN_LAYOUT.replace("header = 2\n", "").replace('"skip"', '"refuse"')
    findings = [finding for finding in source(german, layout).check() if not finding.ok]
    assert findings[0].message == "column Nr.: every row is rejected"
    assert "say which line: header = 2" in findings[0].remedy
    _, rejected = read(source(german, GERMAN_LAYOUT.replace('"skip"', '"refuse"')), "accounts")
    assert [reason.partition("; ")[0] for reason in rejected] == [
        "Kundenliste.csv, line 6: begins with a word for a total"
    ]
    _, rejected = read(source(german, GERMAN_LAYOUT.replace("windows-1252", "utf-8")), "accounts")
    assert rejected[0].startswith("Kundenliste.csv, line 3: is not UTF-8 text; save the file as")


INVOICES = """\
[read.invoices]
file = "Rechnungen.csv"
decimal = ","
format = "DD.MM.YYYY"
unit = "major"
[map.invoices]
source_id = "Rechnung"
account = "Kunde"
total = "Betrag"
currency = "Währung"
issued_at = "Datum"
status = { column = "Status", values = { bezahlt = "paid", offen = "open" } }
"""


def test_2_german_amounts_with_a_byte_order_mark(source: Open) -> None:
    text = (
        "\ufeffRechnung;Kunde;Betrag;Währung;Datum;Status\n"
        "R1;1001;1.234,56;EUR;01.02.2026;bezahlt\n"
        "R2;1001;1.234;JPY;01.02.2026;Offen\n"  # yen have no decimals
        "R3;1001;-49,00 €;EUR;01.02.2026;offen\n"
        "R4;1001;49,00 $;EUR;01.02.2026;offen\n"
        "R5;1001;49,005;EUR;01.02.2026;offen\n"
        "R6;1001;49.00;EUR;01.02.2026;offen\n"
        "R7;1001;49,00;EUR;2026-02-01;weg\n"
    )
    rows, rejected = read(source({"accounts.csv": ACCOUNTS, "Rechnungen.csv": text}, INVOICES),
                          "invoices")  # fmt: skip
    assert [(row["source_id"], row["total"], row["currency"], row["status"]) for row in rows] == [
        ("R1", 123456, "EUR", "paid"), ("R2", 1234, "JPY", "open"), ("R3", -4900, "EUR", "open"),
    ]  # fmt: skip
    assert rejected == [
        "Rechnungen.csv, line 5, column Betrag: '49,00 $' is not in EUR, the currency of its row",
        "Rechnungen.csv, line 6, column Betrag: '49,005' has more decimals than EUR",
        "Rechnungen.csv, line 7, column Betrag: '49.00' is not a number with decimals after ','",
        "Rechnungen.csv, line 8, column Datum: '2026-02-01' is not a date like DD.MM.YYYY",
    ]


US = """\
[read.invoices]
file = "invoices export.csv"
[map.invoices]
source_id = "Invoice #"
account = "Customer"
total = { column = "Amount", unit = "USD" }
issued_at = { column = "Date", format = "MM/DD/YYYY" }
paid_at = "Paid"
"""


def test_3_us_dates_and_thousands(source: Open) -> None:
    text = (
        "Invoice #,Customer,Amount,Date,Paid\n"
        'I1,1001,"$1,234.50",03/04/2026,\n'
        'I2,1001,"1,234",03/04/2026,\n'
        "I3,1001,12.00,13/04/2026,\n"
        "I4,1001,12.00,03/04/2026,3/5/26\n"
    )
    rows, rejected = read(
        source({"accounts.csv": ACCOUNTS, "invoices export.csv": text}, US), "invoices"
    )
    assert [(row["total"], row["currency"], row["issued_at"]) for row in rows] == [
        (123450, "USD", datetime(2026, 3, 3, 23, tzinfo=UTC))
    ]
    assert [reason.partition("column ")[2] for reason in rejected] == [
        """Amount: '1,234' could be 1.234 or 1234; set decimal = "." or "," for its column or """
        "file",
        "Date: '13/04/2026' is not a date like MM/DD/YYYY",
        "Paid: '3/5/26' is not an ISO 8601 date or time; say how its column writes dates: "
        'format = "DD.MM.YYYY" or "MM/DD/YYYY" …',
    ]


def test_4_percent_signs(source: Open) -> None:
    layout = """
    [map.discounts]
    source_id = "Nr"
    account = "Kunde"
    percent_off = "Rabatt"
    starts_at = "ab"
    """
    text = (
        "Nr;Kunde;Rabatt;ab\nD1;1001;15%;2026-01-01\nD2;1001;7,5 %;2026-01-01\n"
        "D3;1001;0,15;2026-01-01\nD4;1001;150%;2026-01-01\n"
    )
    rows, rejected = read(source({"accounts.csv": ACCOUNTS, "discounts.csv": text}, layout),
                          "discounts")  # fmt: skip
    assert [row["percent_off"] for row in rows] == [Decimal(15), Decimal("7.5")]
    assert "could be 0.15 % or 15 %" in rejected[0]
    assert "column Rabatt: '150%': must be less than or equal to 100" in rejected[1]


def test_5_a_survey_in_one_column_with_constants(source: Open) -> None:
    layout = """
    [read.survey_responses]
    file = "NPS*.csv"
    empty = ["-", "keine Angabe"]
    [map.survey_responses]
    kind = "=nps"
    scale_min = "=0"
    scale_max = "=10"
    account = "Kunde"
    score = "Note"
    comment = "Warum?"
    answered_at = { column = "Zeitstempel", format = "DD.MM.YYYY HH:mm", zone = "Europe/London" }
    """
    text = (
        "Zeitstempel,Kunde,Note,Warum?,E-Mail\n"
        "01.11.2026 09:30,1001,9,Gut,x@x.com\n"
        "01.11.2026 09:31,1001,-,Keine Angabe,\n"
        "01.11.2026 09:32,1002,11,,\n"
    )
    opened = source({"accounts.csv": ACCOUNTS, "NPS November.csv": text}, layout)
    rows, rejected = read(opened, "survey_responses")
    assert rows[0] == {
        "kind": "nps", "scale_min": 0, "scale_max": 10, "account_source_id": "1001", "score": 9,
        "comment": "Gut", "answered_at": datetime(2026, 11, 1, 9, 30, tzinfo=UTC),
        "source_id": "nps||1001||2026-11-01T09:30:00+00:00",
    }  # fmt: skip
    assert "score" not in rows[1]
    assert "comment" not in rows[1]
    assert len(rejected) == 1
    unused = next(f.message for f in opened.check() if f.subject == "NPS November.csv" and not f.ok)
    assert "1 row rejected (line 4)" in unused


def test_6_one_sheet_holds_subscriptions_and_their_prices(source: Open) -> None:
    layout = """
    [read.subscriptions]
    file = "contracts.csv"
    [map.subscriptions]
    source_id = { columns = ["Customer", "Plan"], join = "/" }
    account = "Customer"
    currency = "Cur"
    started_at = "From"
    [read.subscription_items]
    file = "contracts.csv"
    unit = "major"
    [map.subscription_items]
    source_id = { columns = ["Customer", "Plan"], join = "/" }
    subscription = { columns = ["Customer", "Plan"], join = "/" }
    unit_amount = "Price"
    quantity = "Seats"
    interval = { column = "Billed", values = { monthly = "month", yearly = "year" } }
    """
    text = (
        "Customer,Plan,Cur,Price,Seats,Billed,From\n"
        "1001,Pro,EUR,49.00,3,monthly,2026-01-01\n"
        "1002,Pro,JPY,4900,1,Yearly,2026-01-01\n"
        "1002,Old,EUR,$12.00,1,monthly,2026-01-01\n"
        "1002,Odd,EUR,12.00,1,weekly,2026-01-01\n"
    )
    opened = source({"accounts.csv": ACCOUNTS, "contracts.csv": text}, layout)
    rows, rejected = read(opened, "subscription_items")
    start = datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert [
        (row["source_id"], row["unit_amount"], row["quantity"], row["interval"], row["valid_from"])
        for row in rows
    ] == [("1001/Pro", 4900, 3, "month", start), ("1002/Pro", 4900, 1, "year", start)]
    assert [reason.partition(": ")[2] for reason in rejected] == [
        "'$12.00' is not in EUR, the currency of its row",
        "'weekly' is none of the values that its map names: monthly, yearly",
    ]
    assert len(read(opened, "subscriptions")[0]) == 4


def test_7_ids_that_a_spreadsheet_shortened(source: Open) -> None:
    layout = '[map.accounts]\nsource_id = "ID"\nname = "Name"'
    text = "ID,Name\n1.23457E+11,Acme\n007,Bond\n"
    rows, rejected = read(source({"accounts.csv": text}, layout), "accounts")
    assert [row["source_id"] for row in rows] == ["007"]
    assert "'1.23457E+11' was shortened by a spreadsheet" in rejected[0]


def test_8_utf_16_as_excel_saves_unicode_text(source: Open) -> None:
    text = "ID\tName\r\n1\tZoë\r\n".encode("utf-16")
    layout = '[map.accounts]\nsource_id = "ID"\nname = "Name"'
    (finding,) = source({"accounts.csv": text}, layout).check()
    assert finding.remedy == 'save it as UTF-8, or set encoding = "utf-16"'
    layout += '\n[read.accounts]\nencoding = "utf-16"'
    rows, _ = read(source({"accounts.csv": text}, layout), "accounts")
    assert rows == [{"source_id": "1", "name": "Zoë"}]


def test_9_usage_with_two_lines_of_names_and_days_of_another_month_order(source: Open) -> None:
    layout = """
    [read.usage_days]
    file = "usage.csv"
    header = 1
    first_row = 3
    decimal = "."
    [map.usage_days]
    account = "Account"
    day = { column = "Day", format = "DD/MM/YYYY" }
    events = "Events"
    """
    text = 'Account,Day,Events\n(id),,(number)\n1001,03/04/2026,"1,250"\n1002,04/04/2026,1.5\n'
    rows, rejected = read(source({"accounts.csv": ACCOUNTS, "usage.csv": text}, layout),
                          "usage_days")  # fmt: skip
    assert [(row["day"], row["events"]) for row in rows] == [(date(2026, 4, 3), 1250)]
    assert rejected == ["usage.csv, line 4, column Events: '1.5' is not a whole number"]


def test_10_names_that_differ_in_case_and_space_or_are_there_twice(source: Open) -> None:
    layout = '[map.accounts]\nsource_id = "Record ID"\nname = "Company name"'
    text = "record id,Company  Name ,Fax\n1,Acme,1\n"
    rows, _ = read(source({"accounts.csv": text}, layout), "accounts")
    assert rows == [{"source_id": "1", "name": "Acme"}]
    twice = "Record ID,Company name,Company name\n1,Acme,Bolt\n"
    _, rejected = read(source({"accounts.csv": twice}, layout), "accounts")
    assert rejected == [
        "accounts.csv, line 2, column Company name: two columns have this name; rename one of them"
    ]

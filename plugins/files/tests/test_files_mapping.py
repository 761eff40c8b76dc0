"""Maps and presets: what the configuration may say, and what becomes of vendors' exports."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cs_sync import ConfigError, Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_files.mapping import PRESETS, build_tables, find_mapping_problems, read_preset
from cs_sync_files.source import FilesConfig, FilesSource

UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


def configure(described: str, folder: Path = Path()) -> FilesConfig:
    workspace = WorkspaceInfo.model_validate(
        {"timezone": "Europe/Berlin", "folder": folder, "section": "files"}
    )
    settings = {"path": ".", "workspace": workspace, **tomllib.loads(described)}
    return FilesConfig.model_validate(settings)


def open_source(folder: Path, contents: Mapping[str, str], described: str) -> FilesSource:
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return FilesSource(configure(described, folder), VendorHttp("files", ()))


def read_all(source: FilesSource) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """The rows of every table without `raw`, and the reasons of rejections."""
    rows: dict[str, list[dict[str, Any]]] = {}
    rejected: list[str] = []
    for stream in source.streams():
        for page in stream.read(Window(None, UNTIL)):
            rejected += [rejection.reason for rejection in page.rejected]
            for row in page.records[stream.record]:
                kept = {name: value for name, value in row.items() if name != "raw"}
                rows.setdefault(stream.name, []).append(kept)
    return rows, rejected


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        ('[map.invoces]\nx = "y"', "map.invoces is not a table (did you mean invoices?)"),
        ('[read.accounts]\ndecimal = ","', "read.accounts.decimal needs map.accounts"),
        ("[read.invoces]", "read.invoces is not a table (did you mean invoices?)"),
        ('[map.invoices]\nnumbr = "y"', "numbr is not a field of invoices (did you mean number?)"),
        ('[map.invoices]\ntotal = "Sum"', 'total needs a unit: "minor" where 4900 is 49.00'),
        ('[map.invoices]\ncurrency = "=EURO"', "currency is not a constant of this field: unknown"),
        ('[map.accounts]\n"attr.*" = "Plan"', "attr.* needs one * on both sides"),
        ('[map.contacts]\n"attr.x" = "Plan"', "only accounts have attributes"),
        ("[map.accounts.name]\ncolumn = 'a'\nconstant = 'b'", "give one of column, columns and"),
        ('[read.accounts]\nformat = "dd.mm.yy"', "is not a format of a date; write it like"),
        ('[read.accounts]\nunit = "EURO"', "unknown currency 'EURO'"),
        ('[read.accounts]\nencoding = "latin-1"', "Input should be 'utf-8'"),
        ('preset = "strype"', "Input should be 'stripe'"),
    ],
)
def test_a_wrong_description_is_named(described: str, problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        configure(described)
    assert problem in str(refused.value)


def test_every_mistake_of_a_map_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        configure('[map.accounts]\nnmae = "N"\n[map.invoices]\ntotal = "T"\nissued = "D"')
    message = refused.value.errors()[0]["msg"]
    assert [part.partition(" ")[0] for part in message.partition(", ")[2].split("; ")] == [
        "map.accounts.nmae", "map.invoices.total", "map.invoices.issued", "correct",
    ]  # fmt: skip


def test_all_columns_that_a_file_lacks_are_named_at_once(tmp_path: Path) -> None:
    source = open_source(
        tmp_path,
        {"accounts.csv": "Nr;Firma;Ort\n1;Acme;Ulm\n"},
        '[map.accounts]\nsource_id = "Nr"\nname = "Fima"\ndomain = "Web"\n"attr.*" = "*"',
    )
    _, [reason] = read_all(source)
    assert reason == (
        "accounts.csv, line 2, column Fima: is not in the file, and the map takes name from it; "
        "did you mean Firma?; column Web: is not in the file, and the map takes domain from it; "
        "its line of names has Nr, Firma, Ort; correct the map, or say which line: header = 2"
    )
    assert [finding.message for finding in source.check()] == [
        "column Fima: every row is rejected", "column Web: every row is rejected",
    ]  # fmt: skip


def test_all_foreign_columns_are_named_in_one_reason(tmp_path: Path) -> None:
    source = open_source(tmp_path, {"accounts.csv": "source_id,nmae,plan\n1,A,pro\n"}, "")
    _, [reason] = read_all(source)
    assert reason.endswith(
        "column nmae: unknown column; did you mean name?; column plan: unknown column; name it "
        "attr.plan to keep it as an attribute"
    )


def test_a_named_file_that_is_not_there_fails_its_table_alone(tmp_path: Path) -> None:
    contents = {"owners.csv": "source_id\no1\n"}
    source = open_source(tmp_path, contents, '[read.accounts]\nfile = "Kunden*.csv"')
    owners, accounts = source.streams()
    assert (owners.name, accounts.name) == ("owners", "accounts")
    with pytest.raises(ConfigError, match=r"is called Kunden\*\.csv") as absent:
        list(accounts.read(Window(None, UNTIL)))
    assert "[connectors.files.read.accounts]" in absent.value.remedy
    assert [finding.ok for finding in source.check()] == [True, False]


def test_a_json_line_without_a_key_has_an_empty_cell(tmp_path: Path) -> None:
    contents = {"accounts.jsonl": '{"No": 1, "Name": "A"}\n{"No": 2}\n'}
    described = '[map.accounts]\nsource_id = "No"\nname = "Name"'
    rows, rejected = read_all(open_source(tmp_path, contents, described))
    assert rejected == []
    assert rows["accounts"] == [{"source_id": "1", "name": "A"}, {"source_id": "2"}]


def test_the_words_of_a_column_win_over_its_file_and_those_over_all() -> None:
    config = configure(
        '[read."*"]\ndecimal = ","\nformat = "DD.MM.YYYY"\n[read.accounts]\ndecimal = "."'
        '\n[map.accounts]\nsource_id = "Nr"'
    )
    tables = build_tables(None, config.read, config.map)
    assert (tables["accounts"].layout.decimal, tables["contacts"].layout.decimal) == (".", ",")
    assert tables["accounts"].layout.format == "DD.MM.YYYY"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_fields_and_units(name: str) -> None:
    layouts, maps = read_preset(name)
    assert list(find_mapping_problems(name, {}, maps)) == []
    assert layouts.keys() == maps.keys()
    assert all(layout.file for layout in layouts.values())


STRIPE = {
    "unified_customers.csv": "id,Description,Email,Name,Created (UTC),Delinquent,tier (metadata)\n"
    "cus_1,,a@x.com,Acme,2026-01-02 03:04,false,gold\n",
    "subscriptions.csv": "id,Customer ID,Plan,Quantity,Currency,Interval,Amount,Status,"
    "Start (UTC),Canceled At (UTC),Ended At (UTC)\n"
    "sub_1,cus_1,pro,1,usd,month,49.00,active,2026-01-02 03:04,,\n"
    "sub_2,cus_1,pro,5,usd,month,49.00,active,2026-01-02 03:04,,\n",
    "invoices.csv": "id,Amount Due,Currency,Customer,Date (UTC),Number,Status,Total,Amount Paid\n"
    "in_1,49.00,usd,cus_1,2026-01-02 03:04,A-1,paid,49.00,49.00\n",
}


def test_stripe_s_exports(tmp_path: Path) -> None:
    rows, rejected = read_all(open_source(tmp_path, STRIPE, 'preset = "stripe"'))
    start = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert rows["accounts"] == [
        {"source_id": "cus_1", "name": "Acme", "email": "a@x.com", "created_at": start,
         "attributes": {"tier": "gold"}},
    ]  # fmt: skip
    assert len(rows["subscriptions"]) == 2
    assert rows["subscription_items"] == [
        {"source_id": "sub_1", "subscription_source_id": "sub_1", "product": "pro", "price": "pro",
         "unit_amount": Decimal(4900), "interval": "month", "is_snapshot": True,
         "quantity": Decimal(1), "valid_from": start},
    ]  # fmt: skip
    assert rows["invoices"][0]["total"] == rows["invoices"][0]["amount_paid"] == 4900
    (reason,) = rejected
    assert "column Quantity: '5' is none of the values" in reason
    assert 'set quantity = "Quantity" or quantity = "=1"' in reason


def test_what_a_preset_leaves_open_is_said_in_one_line(tmp_path: Path) -> None:
    described = 'preset = "stripe"\n[map.subscription_items]\nquantity = "Quantity"'
    rows, rejected = read_all(open_source(tmp_path, STRIPE, described))
    assert rejected == []
    assert [row["quantity"] for row in rows["subscription_items"]] == [1, 5]


def test_hubspot_s_exports(tmp_path: Path) -> None:
    contents = {
        "hubspot-crm-exports-all-companies.csv": "Record ID,Company name,Company Domain Name,"
        "Create Date,Industry\n9001,Acme,acme.com,2026-01-02 03:04,Retail\n",
        "hubspot-crm-exports-all-contacts.csv": "Record ID,First Name,Last Name,Email,"
        "Associated Company IDs\n8001,Ana,Lopez,ana@acme.com,9001\n8002,,Bo,bo@x.com,9001;9002\n",
    }
    rows, rejected = read_all(open_source(tmp_path, contents, 'preset = "hubspot"'))
    assert rows["accounts"][0]["attributes"] == {"Industry": "Retail"}
    assert rows["contacts"] == [
        {"source_id": "8001", "account_source_id": "9001", "name": "Ana Lopez",
         "email": "ana@acme.com"},
    ]  # fmt: skip
    assert len(rejected) == 1
    assert "'9001;9002' is in no file of accounts" in rejected[0]


def test_chartmogul_s_import_sheets(tmp_path: Path) -> None:
    contents = {
        "01_Customers.csv": "Name,Email,Company,Country,State,City,Zip,External ID,"
        "Lead created at,Free trial started at\nJo,jo@x.com,Acme,US,IL,Chicago,1,c1,2026-01-01,\n",
        "02_Plans.csv": "Name,Interval count,Interval unit,Plan ID\nGold,1,month,p1\n",
        "03_Invoices.csv": "Customer external ID,Invoice external ID,Invoiced date,Due date,"
        "Currency\nc1,i1,2026-01-01,2026-01-10,USD\n",
        "04_Invoice_line_items.csv": "Invoice external ID,External ID,Subscription external ID,"
        "Type,Amount in cents,Plan,Service period start,Service period end,Quantity,Proration,"
        "Discount amount,Tax amount\n"
        "i1,l1,s1,subscription,5000,Gold,2026-01-01,2026-02-01,5,false,100,0\n",
    }
    rows, rejected = read_all(open_source(tmp_path, contents, 'preset = "chartmogul"'))
    assert rejected == []
    line = rows["invoice_lines"][0]
    assert (line["amount"], line["currency"], line["product"]) == (5000, "USD", "Gold")
    assert "discount_amount" not in line  # the amount is after it
    assert rows["accounts"][0]["name"] == "Acme"

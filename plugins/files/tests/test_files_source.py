"""The folder as a whole: streams, pages, references, findings."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cs_sync import ConfigError, Page, Rejection, Stream, Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_files import cs_sync_sources
from cs_sync_files.source import FilesConfig, FilesSource
from cs_sync_files.tables import TABLES
from cs_sync_schemas import (
    RECORDS,
    Alias,
    SourceAccount,
    SubscriptionChange,
    Ticket,
)

Write = Callable[[Mapping[str, str]], FilesSource]
WINDOW = Window(None, datetime(2026, 11, 21, tzinfo=UTC))
ACCOUNTS = "source_id,name\na1,Acme\na2,Bolt\n"
SUBSCRIPTIONS = "source_id,account,started_at,currency\ns1,a1,2026-01-10,eur\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A source over a folder of these files, in a workspace in Warsaw."""

    def make(files: Mapping[str, str]) -> FilesSource:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return open_source(tmp_path)

    return make


def open_source(folder: Path, timezone: str = "Europe/Warsaw") -> FilesSource:
    workspace = WorkspaceInfo.model_validate({"timezone": timezone, "folder": folder})
    config = FilesConfig(path=Path("data"), workspace=workspace)
    return FilesSource(config, VendorHttp("files", ()))


def stream(source: FilesSource, name: str) -> Stream:
    return next(stream for stream in source.streams() if stream.name == name)


def pages(source: FilesSource, name: str, resume: Any = None) -> list[Page]:
    window = Window(None, WINDOW.until, resume)
    return list(stream(source, name).read(window))


def rows(source: FilesSource, name: str) -> list[dict[str, Any]]:
    """The records of a stream without `raw`; fails when anything was rejected."""
    record = stream(source, name).record
    read = pages(source, name)
    assert [rejection.reason for page in read for rejection in page.rejected] == []
    return [{**row, "raw": None} for page in read for row in page.records[record]]


def rejections(source: FilesSource, name: str) -> list[Rejection]:
    return [rejection for page in pages(source, name) for rejection in page.rejected]


def test_the_plugin_offers_the_source() -> None:
    assert cs_sync_sources() == [FilesSource]


def test_every_record_but_what_a_feed_tells_has_a_file() -> None:
    assert {table.record for table in TABLES} == set(RECORDS) - {Alias, SubscriptionChange}


def test_streams_are_the_files_with_what_others_refer_to_first(write: Write) -> None:
    source = write({"tickets.csv": "source_id\n", "accounts.csv": ACCOUNTS})
    actual = [(stream.name, stream.record, stream.deletes) for stream in source.streams()]
    assert actual == [("accounts", SourceAccount, "sweep"), ("tickets", Ticket, "sweep")]


def test_accounts_take_attributes_lists_and_flags(write: Write) -> None:
    header = "source_id,name,domain,extra_domains,attr.plan,attr.region,is_test,created_at,owner\n"
    source = write(
        {
            "accounts.csv": header
            + "a1,Acme,acme.example,acme.test;acme.dev,pro,,no,2026-07-01,\n"
            + 'a2,"Bolt, Inc",,"[""bolt.example""]",,EU,YES,2026-01-05T09:00:00Z,\n'
        }
    )
    first, two = rows(source, "accounts")
    assert first == {
        "source_id": "a1",
        "name": "Acme",
        "domain": "acme.example",
        "extra_domains": ["acme.test", "acme.dev"],
        "attributes": {"plan": "pro"},
        "is_test": False,
        "created_at": datetime(2026, 6, 30, 22, tzinfo=UTC),  # midnight in Warsaw, summer time
        "raw": None,
    }
    assert two["attributes"] == {"region": "EU"}
    assert two["extra_domains"] == ["bolt.example"]
    assert two["is_test"] is True


def test_rows_are_valid_records(write: Write) -> None:
    source = write(
        {
            "accounts.csv": ACCOUNTS,
            "contacts.csv": "source_id,account,email\nc1,a1,ana@acme.example\n",
            "subscriptions.csv": SUBSCRIPTIONS,
            "discounts.csv": "source_id,subscription,percent_off,starts_at\nd1,s1,20,2026-01-10\n",
            "tickets.csv": "source_id,account,requester,tags,opened_at\nt1,a1,c1,a;b,2026-02-01\n",
            "costs.csv": "month,purpose,line,amount,currency\n2026-11,retention,salaries,1,EUR\n",
        }
    )
    engine = {"source": "files", "row_hash": "", "first_seen_at": WINDOW.until}
    engine |= {"last_seen_at": WINDOW.until, "changed_at": WINDOW.until}
    for actual in source.streams():
        for row in rows(source, actual.name):
            record = actual.record.model_validate(engine | row)
            assert record.source_id
    assert rows(source, "tickets")[0]["tags"] == ["a", "b"]
    assert rows(source, "tickets")[0]["contact_source_id"] == "c1"
    assert rows(source, "discounts")[0]["percent_off"] == Decimal(20)
    assert rows(source, "costs")[0]["month"] == date(2026, 11, 1)
    assert rows(source, "costs")[0]["source_id"] == "2026-11-01|retention|salaries|EUR"


def test_json_lines_hold_the_same_fields(write: Write) -> None:
    source = write(
        {
            "accounts.jsonl": '{"source_id": 1, "name": "Acme", "attr.seats": 12}\n\n'
            '{"source_id": "2", "extra_domains": ["b.example"], "attributes": {"plan": "pro"}}\n',
            "usage_days.jsonl": '{"day": "2026-11-20", "account": "1", "events": 310.0}\n',
        }
    )
    assert rows(source, "accounts")[0]["attributes"] == {"seats": 12}
    assert rows(source, "accounts")[0]["source_id"] == "1"
    assert rows(source, "accounts")[1]["attributes"] == {"plan": "pro"}
    assert rows(source, "usage_days")[0]["events"] == 310


def test_a_price_history_is_closed_version_by_version(write: Write) -> None:
    items = (
        "source_id,subscription,unit_amount,valid_from,valid_to\n"
        "i1,s1,4900,,\n"
        "i1,s1,9900,2026-06-01,\n"
        "i1,s1,5900,2026-03-01,2026-04-01\n"
    )
    source = write(
        {"accounts.csv": ACCOUNTS, "subscriptions.csv": SUBSCRIPTIONS}
        | {"subscription_items.csv": items}
    )
    spans = [(row["valid_from"], row.get("valid_to")) for row in rows(source, "subscription_items")]
    start = datetime(2026, 1, 9, 23, tzinfo=UTC)  # of the subscription, midnight in Warsaw
    march, june = datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 5, 31, 22, tzinfo=UTC)
    april = datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert spans == [(start, march), (june, None), (march, april)]


def test_a_missing_start_cannot_be_made_up(write: Write) -> None:
    items = "source_id,subscription,unit_amount\ni1,s9,4900\n"
    source = write(
        {
            "subscriptions.csv": SUBSCRIPTIONS,
            "accounts.csv": ACCOUNTS,
            "subscription_items.csv": items,
        }
    )
    (rejection,) = rejections(source, "subscription_items")
    assert rejection.code == "missing_value"
    assert rejection.reason.startswith("subscription_items.csv, line 2, column valid_from: ")


def test_good_rows_around_a_bad_one_are_read(write: Write) -> None:
    text = 'source_id,name\na1,"two\nlines"\na2,"x"y\n\n,,\na4,x,y\na3,Cog\n,\n'
    (page,) = pages(write({"accounts.csv": text}), "accounts")
    assert [row["source_id"] for row in page.records[SourceAccount]] == ["a1", "a3"]
    actual = [(rejection.code, rejection.raw["line"]) for rejection in page.rejected]
    assert actual == [("bad_csv", 4), ("too_many_cells", 7)]


def test_a_rejected_row_keeps_its_id_and_what_was_read(write: Write) -> None:
    (rejection,) = rejections(write({"accounts.csv": "source_id,is_test\na1,?\n"}), "accounts")
    assert rejection.source_id == "a1"
    assert rejection.raw["row"] == {"source_id": "a1", "is_test": "?"}


def test_a_rejected_row_without_an_id_is_named_by_what_identifies_it(write: Write) -> None:
    header = "day,account,eventz\n"
    usage = header + "2026-11-20,a1,5\nyesterday,a1,5\n"
    actual = rejections(write({"accounts.csv": ACCOUNTS, "usage_days.csv": usage}), "usage_days")
    assert [rejection.source_id for rejection in actual] == ["2026-11-20|a1|", None]


def test_text_that_is_not_utf8_rejects_its_row_only(write: Write, tmp_path: Path) -> None:
    source = write({"accounts.csv": ""})
    path = tmp_path / "data" / "accounts.csv"
    path.write_bytes(
        "\ufeffsource_id,name\na1,Zoë\n".encode() + "a2,Zoë\na3,Cog\n".encode("latin-1")
    )
    (page,) = pages(source, "accounts")
    assert [row.get("name") for row in page.records[SourceAccount]] == ["Zoë", "Cog"]
    (rejection,) = page.rejected
    assert rejection.code == "bad_encoding"
    assert rejection.raw["row"]["name"] == "Zo\\udceb"


def test_the_second_row_of_an_id_is_rejected_and_both_lines_are_named(write: Write) -> None:
    usage = "day,account,events\n2026-11-20,a1,5\n2026-11-20,a1,6\n"
    source = write(
        {"accounts.csv": ACCOUNTS, "accounts.jsonl": '{"source_id": "a2"}', "usage_days.csv": usage}
    )
    (account,) = rejections(source, "accounts")
    assert account.code == "duplicate_id"
    assert account.reason.startswith("accounts.jsonl, line 1, column source_id: 'a2'")
    assert "accounts.csv, line 3" in account.reason
    (day,) = rejections(source, "usage_days")
    assert day.reason.startswith("usage_days.csv, line 3: '2026-11-20|a1|' stands already in")


def test_optional_references_need_their_file_only_when_it_is_there(write: Write) -> None:
    usage = "day,account,contact,events\n2026-11-20,a1,u-17,5\n"
    source = write({"accounts.csv": ACCOUNTS, "usage_days.csv": usage})
    assert rows(source, "usage_days")[0]["contact_source_id"] == "u-17"
    source = write({"contacts.csv": "source_id,account\nu-18,a1\n"})
    assert rejections(source, "usage_days")[0].code == "missing_reference"


def test_a_bad_row_still_counts_as_a_target(write: Write) -> None:
    for bad in ("source_id,is_test\na1,?\n", "source_id,nmae\na1,A\n", "source_id\na1,A\n"):
        source = write({"accounts.csv": bad, "subscriptions.csv": SUBSCRIPTIONS})
        assert len(rejections(source, "accounts")) == len(rows(source, "subscriptions")) == 1


def test_words_of_a_list_are_taken_in_any_case(write: Write) -> None:
    header = "source_id,account,started_at,currency,status,collection_paused\n"
    body = "s1,a1,2026-01-10,eur,Active,yes\ns2,a1,2026-01-10,EUR,past_due,false\n"
    source = write({"accounts.csv": ACCOUNTS, "subscriptions.csv": header + body})
    actual = [
        (row["status"], row.get("collection_paused")) for row in rows(source, "subscriptions")
    ]
    assert actual == [("active", "void"), ("past_due", None)]
    assert {row["currency"] for row in rows(source, "subscriptions")} == {"EUR"}


def test_semicolons_and_tabs_separate_where_the_header_says_so(write: Write) -> None:
    source = write(
        {"accounts.csv": "source_id;name\na1;Acme, Inc\n", "owners.csv": "source_id\tname\no\tJo\n"}
    )
    assert rows(source, "accounts")[0]["name"] == "Acme, Inc"
    assert rows(source, "owners")[0]["name"] == "Jo"


def test_derived_ids_tell_survey_answers_apart(write: Write) -> None:
    body = "nps,Q4,9,0,10,2026-11-20T10:00:00Z\nnps,Q4,3,0,10,2026-11-20T11:00:00Z\n"
    text = "kind,survey,score,scale_min,scale_max,answered_at\n" + body
    ids = [
        row["source_id"] for row in rows(write({"survey_responses.csv": text}), "survey_responses")
    ]
    assert ids == ["nps|Q4|||2026-11-20T10:00:00+00:00", "nps|Q4|||2026-11-20T11:00:00+00:00"]


def test_pages_resume_where_they_stopped_unless_the_file_changed(write: Write) -> None:
    text = "source_id,name\n" + "".join(f"a{n},N\n" for n in range(2500))
    source = write({"accounts.csv": text})
    first, second, third = pages(source, "accounts")
    assert [len(page.records[SourceAccount]) for page in (first, second, third)] == [
        1000,
        1000,
        500,
    ]
    assert (third.resume["rows"], third.resume["lost"]) == (2500, 0)
    assert first.resume != second.resume
    assert pages(source, "accounts", first.resume) == [second, third]
    changed = write({"accounts.csv": text + "a2500,N\na0,N\n"})
    again = pages(changed, "accounts", first.resume)
    assert sum(len(page.records[SourceAccount]) for page in again) == 2501
    assert [rejection.code for page in again for rejection in page.rejected] == ["duplicate_id"]


def test_a_resumed_read_still_knows_the_rows_before(write: Write) -> None:
    text = "source_id\n" + "".join(f"a{n}\n" for n in range(1500)) + "a0\n"
    source = write({"accounts.csv": text})
    first = pages(source, "accounts")[0]
    (last,) = pages(source, "accounts", first.resume)
    assert [rejection.source_id for rejection in last.rejected] == ["a0"]


def test_a_file_with_a_header_only_is_a_complete_read_of_nothing(write: Write) -> None:
    (page,) = pages(write({"accounts.csv": "source_id\n"}), "accounts")
    assert (page.records, page.rejected) == ({SourceAccount: []}, [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        ("source_id\na1\n".encode("utf-16"), "is UTF-16"),
        ("source_id,Zoë\na1,\n".encode("latin-1"), "header that is not UTF-8"),
        (b'source_id,"name\n', "header that is not CSV"),
    ],
)
def test_a_file_that_is_no_table_fails_its_stream(
    write: Write, tmp_path: Path, content: bytes, message: str
) -> None:
    source = write({"accounts.csv": ""})
    (tmp_path / "data" / "accounts.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        pages(source, "accounts")
    (finding,) = source.check()
    assert not finding.ok
    assert message in finding.message


def test_a_missing_folder_and_an_empty_one_say_what_to_do(write: Write, tmp_path: Path) -> None:
    source = write({})
    with pytest.raises(ConfigError, match="contains no file with a known name") as empty:
        pages(source, "folder")
    assert "accounts.csv" in empty.value.remedy
    (tmp_path / "data").rmdir()
    with pytest.raises(ConfigError, match="cannot read the folder"):
        pages(source, "folder")
    (finding,) = source.check()
    assert not finding.ok
    assert "relative path" in finding.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("acounts.csv", "accounts.csv"), ("ticket.jsonl", "tickets.jsonl"), ("costs.xls", ".xlsx")],
)
def test_a_slip_in_a_file_name_fails_that_stream_alone(
    write: Write, name: str, remedy: str
) -> None:
    source = write({"owners.csv": "source_id,name\no1,Jo\n", name: "x", "notes.csv": "x"})
    assert len(rows(source, "owners")) == 1
    with pytest.raises(ConfigError) as refused:
        list(stream(source, name).read(WINDOW))
    assert remedy in refused.value.remedy
    findings = {finding.subject: finding.ok for finding in source.check()}
    assert findings == {"owners.csv": True, name: False, "notes.csv": True}


def test_check_tells_everything_that_is_wrong_with_all_files_at_once(write: Write) -> None:
    bad = "".join(f"t{n},{n}/1/26,a9,maybe\n" for n in range(5))
    source = write(
        {
            "accounts.csv": "source_id,nmae,plan\na1,x,pro\na1,y,pro\n",
            "tickets.csv": "source_id,opened_at,account,priority\nt9,2026-01-01,a1,\n" + bad,
            "refunds.csv": "source_id,amount\n,4.90\n",
            "usage_days.csv": "day,account,events\n2026-01-01,a1,3\n",
            "owners.csv": "\ufeff",
        }
    )
    findings = [f"{f.subject}: {f.message} → {f.remedy}" for f in source.check() if not f.ok]
    assert findings[0].endswith("is empty → give it a header line, or take it out of the folder")
    export = "→ correct the cells, what the map says, or how the file is exported"
    assert findings[1:] == [
        "accounts.csv: column nmae: every row with it is rejected → unknown column; did you mean"
        " name?",
        "accounts.csv: column plan: every row with it is rejected → unknown column; name it"
        " attr.plan to keep it as an attribute",
        "refunds.csv: no column currency: every row is rejected → add it",
        "refunds.csv: no column refunded_at: every row is rejected → add it",
        "refunds.csv: column amount: 1 row rejected (line 2): '4.90' is not a whole number of"
        f" minor units (4900 for 49.00 EUR) {export}",
        "refunds.csv: column source_id: 1 row rejected (line 2): is empty, and every row needs it"
        " → fill it in",
        "tickets.csv: column opened_at: 5 rows rejected (line 3, 4, 5 …): '0/1/26' is not an"
        f" ISO 8601 date or time {export}",
        "tickets.csv: column account: 5 rows rejected (line 3, 4, 5 …): 'a9' is in no file of"
        " accounts; add it there or correct the reference → add the rows that are missing, or"
        " correct the references",
    ]
    assert [f.message for f in source.check() if f.ok] == ["3 columns, 1 row"]


def test_check_finds_the_repetitions_and_what_cannot_be_true(write: Write) -> None:
    source = write(
        {
            "accounts.csv": "source_id\na1\na1\na1\n",
            "survey_responses.csv": "kind,score,answered_at\nnps,9,2026-01-01\n",
        }
    )
    twice, unscaled = source.check()
    assert "column source_id: 2 rows rejected (line 3, 4): 'a1' stands already" in twice.message
    assert "1 row rejected (line 2): nps score without scale_min" in unscaled.message


def test_what_has_no_name_and_no_content_says_nothing(write: Write) -> None:
    source = write({"accounts.csv": "source_id,name,,\na1,Acme,, \na2,Bolt\na3,Coil,,x\n"})
    (page,) = pages(source, "accounts")
    assert [row["name"] for row in page.records[SourceAccount]] == ["Acme", "Bolt"]
    assert "has 4 cells under 2 columns" in page.rejected[0].reason


def test_a_line_that_names_the_separator_is_no_header(write: Write) -> None:
    source = write({"accounts.csv": "sep=;\r\nsource_id;name\r\na1;Acme, Inc\r\n"})
    assert [row["name"] for row in rows(source, "accounts")] == ["Acme, Inc"]


def test_answers_without_a_scale_have_that_of_their_survey(tmp_path: Path) -> None:
    header = "source_id,kind,survey,score,scale_min,scale_max,answered_at\n"
    lines = ("1,csat,Stars,4,,,2026-01-01", "2,csat,Stars,9,0,10,2026-01-01",
             "3,nps,Relation,9,,,2026-01-01", "4,csat,Smileys,2,,,2026-01-01")  # fmt: skip
    (tmp_path / "survey_responses.csv").write_text(header + "\n".join(lines))
    scales: Any = {"Stars": [1, 5], "nps": [0, 10]}
    config = FilesConfig(
        path=Path(), survey_scales=scales, workspace=WorkspaceInfo(folder=tmp_path)
    )
    (page,) = pages(FilesSource(config, VendorHttp("files", ())), "survey_responses")
    actual = [(r["source_id"], r["scale_min"], r["scale_max"]) for r in
             next(iter(page.records.values()))]  # fmt: skip
    assert actual == [("1", 1, 5), ("2", 0, 10), ("3", 0, 10)]
    assert [rejection.source_id for rejection in page.rejected] == ["4"]


def test_the_readme_lists_every_table_field_and_derived_id() -> None:
    lines = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [line.replace("`", "").strip("| ").split(" | ") for line in lines if line[:3] == "| `"]
    for table in TABLES:
        columns, *identity = [row[1:] for row in cells if row[0] == table.name]
        named = {name for cell in columns for name in cell.split(", ")} | {"updated_at"}
        assert named == set(table.fields), table.name
        assert identity == ([[", ".join(table.identity)]] if table.identity else [])

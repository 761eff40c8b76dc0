"""What was read is kept: unchanged files are not read again, and a whole read says the same."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync import Page, Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_files import pages, readers
from cs_sync_files.contents import count_lines, measure_content
from cs_sync_files.csv_files import holds_text
from cs_sync_files.layouts import FileLayout
from cs_sync_files.pages import get_row_key
from cs_sync_files.readers import read_rows
from cs_sync_files.source import FilesConfig, FilesSource
from cs_sync_files.tables import BY_NAME

UNTIL = datetime(2026, 11, 21, tzinfo=UTC)
HEADERS = {
    "accounts": "source_id,name",
    "contacts": "source_id,account",
    "subscriptions": "source_id,account,started_at,currency",
    "subscription_items": "source_id,subscription,unit_amount,valid_from",
    "usage_days": "day,account,contact,events",
}
IDS = [str(number) for number in range(1, 9)]
CELLS = {
    "source_id": IDS,
    "name": ["Acme", "Zoë", '"two\nlines"', ""],
    "account": IDS,
    "contact": ["1", "2", ""],
    "subscription": IDS,
    "started_at": ["2026-01-10", "2026-02-10"],
    "currency": ["EUR"],
    "unit_amount": ["4900", "9900"],
    "valid_from": ["", "2026-03-01", "2026-04-01"],
    "day": ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-20T10:00:00Z"],
    "events": ["1", "2"],
}
START = {
    "accounts": [f"{name},Acme" for name in IDS],
    "subscriptions": [f"{name},{name},2026-01-10,EUR" for name in IDS[:4]],
}
FAULTS = {"name": '"never closed', "unit_amount": "49.00", "day": "?", "events": "two"}


def open_source(folder: Path, timezone: str = "Europe/Warsaw", **settings: Any) -> FilesSource:
    workspace = WorkspaceInfo.model_validate({"timezone": timezone, "folder": folder})
    config = FilesConfig(path=Path("data"), workspace=workspace, **settings)
    return FilesSource(config, VendorHttp("files", ()))


@dataclass
class Kept:
    """What an engine holds of one stream: its token, its records, its rejections."""

    token: Any = None
    records: dict[str, Any] = field(default_factory=dict)
    rejected: set[tuple[Any, ...]] = field(default_factory=set)
    unchanged: int | None = None
    read: int = 0

    def sync(self, source: FilesSource, name: str) -> None:
        """Read a stream as the engine does: on from the token, or everything."""
        (stream,) = [stream for stream in source.streams() if stream.name == name]
        goes_on = self.token is not None and stream.continues and stream.continues(self.token)
        window = Window(None, UNTIL, self.token if goes_on else None, backfill=not goes_on)
        if not goes_on:
            self.records, self.rejected = {}, set()
        self.unchanged, self.read = None, 0
        for page in stream.read(window):
            self._store(page)

    def _store(self, page: Page) -> None:
        for rows in page.records.values():
            self.records |= {get_row_key(dict(row)): {**row, "raw": None} for row in rows}
            self.read += len(rows)
        self.rejected |= {(r.source_id, r.code, r.reason) for r in page.rejected}
        self.unchanged = self.unchanged if page.unchanged is None else page.unchanged
        self.token = page.resume


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    table = draw(st.sampled_from(list(HEADERS)))
    how = draw(st.sampled_from(["append", "append", "replace", "shorten", "remove", "nothing"]))
    columns = HEADERS[table].split(",")
    rows = draw(
        st.lists(st.tuples(*(st.sampled_from(CELLS[name]) for name in columns)), max_size=3)
    )
    lines = [",".join(cells) for cells in rows]
    if draw(st.integers(0, 9)) == 0:
        lines.append(",".join(FAULTS.get(name, CELLS[name][0]) for name in columns))
    return table, how, lines


def apply(folder: Path, table: str, how: str, rows: list[str]) -> None:
    path = folder / f"{table}.csv"
    text = path.read_text() if path.exists() else HEADERS[table] + "\n"
    if how == "append":
        path.write_text(text + "".join(f"{row}\n" for row in rows))
    elif how == "replace":
        path.write_text("".join(f"{row}\n" for row in [HEADERS[table], *rows]))
    elif how == "shorten":
        path.write_text(text[: text.rstrip("\n").rfind("\n") + 1] or text)
    elif how == "remove" and table == "contacts":
        path.unlink(missing_ok=True)


@pytest.mark.slow("reads a folder after each change")
@given(st.lists(edits(), min_size=2, max_size=5))
def test_what_is_kept_is_what_a_whole_read_says(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, str, list[str]]]
) -> None:
    place = tmp_path_factory.mktemp("law")
    data = place / "data"
    data.mkdir()
    for table in HEADERS:
        apply(data, table, "replace", START.get(table, []))
    kept = {table: Kept() for table in HEADERS}
    for edit in [("accounts", "nothing", []), *made]:
        apply(data, *edit)
        for table in HEADERS:
            if (data / f"{table}.csv").exists():
                whole = Kept()
                whole.sync(open_source(place), table)
                kept[table].sync(open_source(place), table)
                assert kept[table].records == whole.records
                assert kept[table].rejected == whole.rejected


def sync(source: FilesSource, kept: Kept, name: str) -> tuple[int | None, int]:
    """Read on, and return the records that were kept and those that were read."""
    kept.sync(source, name)
    return kept.unchanged, kept.read


Write = Callable[[Mapping[str, str]], FilesSource]
ACCOUNTS = "source_id,name\na1,Acme\na2,Bolt\n"
USE = "day,account,events\n2026-11-20,a1,5\n2026-11-20,a2,3\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(files: Mapping[str, str]) -> FilesSource:
        (tmp_path / "data").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "data" / name).write_text(text)
        return open_source(tmp_path)

    return make


def test_only_appended_rows_are_read(write: Write) -> None:
    kept, files = Kept(), {"accounts.csv": ACCOUNTS, "usage_days.csv": USE}
    assert sync(write(files), kept, "usage_days") == (None, 2)
    assert sync(write(files), kept, "usage_days") == (2, 0)
    longer = files | {"usage_days.csv": USE + "2026-11-21,a1,4\n2026-11-21,a9,1\n"}
    assert sync(write(longer), kept, "usage_days") == (2, 1)
    assert [reason for *_, reason in kept.rejected] == [
        "usage_days.csv, line 5, column account: 'a9' is in no file of accounts; add it there or"
        " correct the reference"
    ]
    assert sync(write(longer), kept, "usage_days") == (3, 0)


@pytest.mark.parametrize(
    "text",
    [
        USE.replace("a1,5", "a1,6"),
        USE + "2026-11-20,a2,3\n",  # repeats a row, which is to be rejected with both places
        "day,account,events\n2026-11-20,a1,5\n",
        "day,account,sessions\n2026-11-20,a1,5\n2026-11-20,a2,3\n",
    ],
)
def test_a_file_that_changed_otherwise_is_read_as_a_whole(write: Write, text: str) -> None:
    kept, files = Kept(), {"accounts.csv": ACCOUNTS, "usage_days.csv": USE}
    sync(write(files), kept, "usage_days")
    assert sync(write(files | {"usage_days.csv": text}), kept, "usage_days")[0] is None


def test_neither_size_nor_time_hide_a_change(write: Write, tmp_path: Path) -> None:
    kept, path = Kept(), tmp_path / "data" / "accounts.csv"
    sync(write({"accounts.csv": ACCOUNTS}), kept, "accounts")
    before = path.stat()
    source = write({"accounts.csv": ACCOUNTS.replace("Acme", "Acne")})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert sync(source, kept, "accounts") == (None, 2)


def test_a_row_that_lost_its_account_is_rejected(write: Write) -> None:
    kept, files = Kept(), {"accounts.csv": ACCOUNTS, "usage_days.csv": USE}
    sync(write(files), kept, "usage_days")
    others = {"accounts.csv": ACCOUNTS.replace("Acme", "Acne")}
    assert sync(write(files | others), kept, "usage_days") == (2, 0)
    assert sync(write(files | {"accounts.csv": "source_id\na1\n"}), kept, "usage_days") == (None, 1)
    assert len(kept.rejected) == 1
    assert sync(write(files), kept, "usage_days") == (None, 2)
    assert not kept.rejected


def test_a_file_of_optional_references_may_go(write: Write, tmp_path: Path) -> None:
    kept = Kept()
    files = {"accounts.csv": "source_id,owner\na1,o1\n", "owners.csv": "source_id\no1\n"}
    sync(write(files), kept, "accounts")
    (tmp_path / "data" / "owners.csv").unlink()
    assert sync(open_source(tmp_path), kept, "accounts") == (1, 0)


def test_another_time_zone_or_scale_reads_everything(write: Write, tmp_path: Path) -> None:
    kept = Kept()
    sync(write({"accounts.csv": ACCOUNTS}), kept, "accounts")
    elsewhere = open_source(tmp_path, timezone="Europe/Lisbon")
    assert sync(elsewhere, kept, "accounts") == (None, 2)


def test_another_map_or_another_currency_of_the_owner_reads_everything(
    write: Write, tmp_path: Path
) -> None:
    kept, subscriptions = Kept(), "source_id,account,started_at,currency\ns1,a1,2026-01-01,JPY\n"
    items = {"source_id": "Id", "subscription": "Id"}
    settings: Any = {"map": {"subscription_items": items | {"unit_amount": "Price"}}}
    settings["read"] = {"subscription_items": {"unit": "major"}}
    files = {"accounts.csv": ACCOUNTS, "subscription_items.csv": "Id,Price\ns1,12\n"}
    write(files | {"subscriptions.csv": subscriptions})
    assert sync(open_source(tmp_path, **settings), kept, "subscription_items") == (None, 1)
    assert sync(open_source(tmp_path, **settings), kept, "subscription_items") == (1, 0)
    assert [row["unit_amount"] for row in kept.records.values()] == [12]
    write({"subscriptions.csv": subscriptions.replace("JPY", "EUR")})
    assert sync(open_source(tmp_path, **settings), kept, "subscription_items") == (None, 1)
    assert [row["unit_amount"] for row in kept.records.values()] == [1200]
    settings["read"]["subscription_items"]["empty"] = "-"
    assert sync(open_source(tmp_path, **settings), kept, "subscription_items") == (None, 1)


def test_appended_rows_of_a_mapped_file_are_read_alone(write: Write, tmp_path: Path) -> None:
    kept = Kept()
    settings: Any = {"map": {"accounts": {"source_id": "Nr", "name": "Firma"}}}
    layout = {"accounts": {"header": 2, "encoding": "windows-1252", "totals": "skip"}}
    text = "Kunden\nNr;Firma\n1;Bär\n".encode("cp1252")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "accounts.csv").write_bytes(text)
    assert sync(open_source(tmp_path, **settings, read=layout), kept, "accounts") == (None, 1)
    (tmp_path / "data" / "accounts.csv").write_bytes(text + "2;Öl\nSumme;\n".encode("cp1252"))
    assert sync(open_source(tmp_path, **settings, read=layout), kept, "accounts") == (1, 1)
    assert [row["name"] for row in kept.records.values()] == ["Bär", "Öl"]


def test_a_killed_read_of_appended_rows_goes_on(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_ROWS", 2)
    kept = Kept()
    sync(write({"accounts.csv": ACCOUNTS}), kept, "accounts")
    source = write({"accounts.csv": ACCOUNTS + "".join(f"b{n},B\n" for n in range(5))})
    (stream,) = source.streams()
    window = Window(None, UNTIL, kept.token, backfill=False)
    first, *rest = stream.read(window)
    again = Window(None, UNTIL, first.resume, backfill=False)
    shown = list(stream.read(again))
    assert [page.records for page in shown] == [page.records for page in rest]
    assert shown[-1].resume == rest[-1].resume
    gone = Window(None, UNTIL, first.resume, backfill=False)
    (stream,) = write({"accounts.csv": "source_id\nc1\n"}).streams()
    assert list(stream.read(gone)) == [Page({})]  # only a backfill finds what is gone


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_text_has_them(tmp_path: Path, end: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(end.join(["source_id", *map(str, range(300_000)), ""]).encode())
    content = measure_content(path)
    assert content.size == path.stat().st_size
    assert count_lines(path, content) == 300_001
    assert measure_content(path, 10).size == 10


def test_rows_behind_a_content_keep_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text('source_id;name\r\na1;"two\r\nlines"\r\n', newline="")
    before = measure_content(path)
    path.write_text('source_id;name\r\na1;"two\r\nlines"\r\na2;Bolt\r\na3;x;y\r\n', newline="")
    assert list(read_rows(path, after=before)) == list(read_rows(path))[1:]


def test_many_lines_with_one_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(
        b"source_id,name\n" + b"a,Zo\xc3\xab\n" * 1500 + b"b,Zo\xeb\n" + b"c,C\n" * 600
    )
    faulty = [row.line for row in read_rows(path) if row.fault]
    assert faulty == [1502]
    assert readers.read_columns(path) == ("source_id", "name")


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("source_id,name\na1,Acme\na2,Bolt\n", "a2", True),
        ("source_id,name\na1,Acme\na2,Bolt\n", "a", False),
        ("name,source_id\r\nAcme,a1\r\nBolt,a2\r\n", "a2", True),
        ("name;source_id\nAcme;a1\n", "Acme", False),
        ('name,source_id\n"two\nlines",a1\n', "a2", None),
        ("source_id,name\na1,Acme\n,Bolt\n", "a2", None),
        ("source_id,name\na1\rb1,Acme\n", "b1", None),
        ("source_id,name\r\na1,Acme\na2,Bolt\r\n", "a2", None),
        ("source_id,name\na1,Acme\r\n", "a1", None),
        ("source_id\r\na1\r\na2\r\n", "a2", True),
        ("name,source_id\nAcme,a1\nBolt\n", "a2", None),
        ("name,id\nAcme,a1\n", "a1", None),
    ],
)
def test_bytes_tell_whether_a_column_holds_an_id(
    tmp_path: Path, text: str, wanted: str, expected: bool | None
) -> None:
    """None where only a CSV reader tells; the end of a line is not part of an id."""
    path = tmp_path / "accounts.csv"
    path.write_bytes(text.encode())
    find = partial(BY_NAME["accounts"].find_place, name="source_id")
    holds = holds_text(path, FileLayout(), find, {wanted}, len(text))
    assert holds is expected

"""What later runs do: nothing new, a part that fails, rows refused and mended, state forgotten."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cs_sync.store.engine import open_store
from cs_sync.store.leases import acquire_lease
from tests.jobs.road import BOOKS, NOW, Place, small_company

pytestmark = pytest.mark.slow("runs everything several times in each test")

LATER = NOW.replace(hour=11)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = small_company(tmp_path)
    assert made.run("sync").code == 0
    made.now = LATER
    return made


def status(place: Place, stream: str) -> dict[str, Any]:
    newest = place.json("runs", "--limit", "1")[0]
    (actual,) = [item for item in newest["streams"] if item["stream"] == stream]
    return dict(actual)


def kpi(place: Place, name: str) -> dict[str, Any]:
    (row,) = place.json("metrics", "--metric", name, "--as-of", "2026-03-01")
    return row


def test_a_second_sync_stores_and_derives_nothing_anew(place: Place) -> None:
    tables = ("account", "account_link", "contact", "mrr_span", "mrr_movement", "source_account")
    before = {table: place.select(f"SELECT * FROM {table}") for table in tables}
    stamps = place.records(but=("last_seen_at",))
    ran = place.run("sync")
    assert ran.code == 0
    assert "0 accounts resolved, MRR of 0 computed" in ran.err
    after = {table: place.select(f"SELECT * FROM {table}") for table in tables[:-1]}
    assert after == {table: before[table] for table in tables[:-1]}
    assert place.records(but=("last_seen_at",)) == stamps


def test_only_the_touched_account_is_computed_again(place: Place) -> None:
    line = "i-delta,s-delta,2026-02-05,9000,1,month,3"
    changed = BOOKS["subscription_items.csv"].replace(line, line.replace("9000", "12000"))
    place.write("data/subscription_items.csv", changed)
    assert "MRR of 1 computed" in place.run("sync").err
    assert kpi(place, "mrr")["value"] == 355_00


def test_a_row_that_left_its_file_is_gone_from_the_numbers(place: Place) -> None:
    place.write("data/tickets.csv", BOOKS["tickets.csv"].rsplit("13,", 1)[0])
    ran = place.run("sync")
    assert (ran.code, status(place, "tickets")["deleted"]) == (0, 1)
    assert kpi(place, "open_tickets")["value"] == 0
    (gone,) = place.select("SELECT source_id, subject FROM ticket WHERE deleted_at IS NOT NULL")
    assert gone == {"source_id": "13", "subject": "Export is slow"}


def test_one_failing_stream_leaves_the_rest_and_marks_what_rests_on_it(place: Place) -> None:
    """The tickets come as UTF-16, which is not a table; the usage goes on."""
    (place.path / "data" / "tickets.csv").write_bytes(BOOKS["tickets.csv"].encode("utf-16"))
    more = BOOKS["usage_days.csv"] + "delta,,2026-02-28,4\n"
    place.write("data/usage_days.csv", more)
    before = place.records()["ticket"]
    ran = place.run("sync")
    assert ran.code == 3
    assert "tickets.csv" in ran.messages
    assert "UTF-8" in ran.messages
    assert status(place, "tickets")["status"] == "failed"
    assert status(place, "usage_days") | {"waited_seconds": 0} == {
        "source": "files", "stream": "usage_days", "status": "ok", "records": 27, "rejected": 0,
        "deleted": 0, "requests": 0, "waited_seconds": 0,
    }  # fmt: skip
    assert place.records()["ticket"] == before
    stale = kpi(place, "open_tickets")
    assert (stale["status"], stale["value"]) == ("stale", 1)
    assert stale["stale_since"].startswith("2026-03-10T08:00:0")  # when they last came through
    assert kpi(place, "mau")["stale_since"] is None
    place.write("data/tickets.csv", BOOKS["tickets.csv"])
    assert place.run("sync").code == 0
    assert kpi(place, "open_tickets")["stale_since"] is None


def test_a_folder_that_is_gone_fails_the_run_and_loses_nothing(place: Place) -> None:
    before = place.records()
    (place.path / "data").rename(place.path / "elsewhere")
    ran = place.run("sync")
    assert ran.code == 1
    assert "connectors.files.path: cannot read the folder" in ran.messages
    assert "→" in ran.messages
    assert place.records() == before


def test_rejected_rows_are_listed_and_retried(place: Place) -> None:
    bad = BOOKS["tickets.csv"] + "14,nobody,ann,Lost,export,open,2026-03-01,\n"
    place.write("data/tickets.csv", bad + "15,alpha,ann,Odd,export,open,some day,\n")
    ran = place.run("sync")
    assert ran.code == 3
    assert "2 records were rejected; see `cs-sync rejects list`" in ran.messages
    rows = {row["source_id"]: row for row in place.json("rejects", "list")}
    assert set(rows) == {"14", "15"}
    assert rows["14"]["code"] == "missing_reference"
    assert "tickets.csv" in rows["14"]["reason"]
    assert rows["15"]["code"] == "bad_value"
    assert "opened_at" in rows["15"]["reason"]
    assert rows["15"]["raw"]["row"]["opened_at"] == "some day"
    assert {row["attempts"] for row in rows.values()} == {1}
    assert len(place.records()["ticket"]) == 3

    assert place.run("rejects", "retry").code == 3
    assert {row["attempts"] for row in place.json("rejects", "list")} == {2}
    place.write("data/tickets.csv", bad.replace("nobody", "beta"))
    assert place.run("rejects", "retry").code == 0
    assert {row["source_id"] for row in place.records()["ticket"]} == {"11", "12", "13", "14"}
    assert place.json("rejects", "list") == []
    nothing = place.run("rejects", "retry")
    assert (nothing.code, "nothing is waiting" in nothing.messages) == (0, True)


def test_a_retry_does_not_confirm_that_most_records_are_gone(place: Place) -> None:
    """Sixty tickets more, then a file of one that cannot be stored: 62 of 63 are missing in it."""
    head = BOOKS["tickets.csv"].splitlines(keepends=True)[0]
    more = "".join(f"{n},alpha,ann,Late,export,open,2026-03-01,\n" for n in range(100, 160))
    place.write("data/tickets.csv", BOOKS["tickets.csv"] + more)
    assert place.run("sync").code == 0
    before = place.records()["ticket"]
    assert len(before) == 63
    place.write("data/tickets.csv", f"{head}100,alpha,ann,Late,export,open,some day,\n")
    assert place.run("sync").code == 3
    ran = place.run("rejects", "retry")
    assert ran.code == 3
    assert "62 of 63 records are no longer there" in ran.messages
    assert place.records()["ticket"] == before

    place.write("data/tickets.csv", f"{head}100,alpha,ann,Late,export,open,2026-03-01,\n")
    ran = place.run("rejects", "retry")
    assert (ran.code, "--only files --allow-deletions`" in ran.messages) == (3, True)
    assert status(place, "tickets")["deleted"] == 0
    assert place.run("sync", "--full").code == 3
    assert status(place, "tickets")["deleted"] == 0
    assert place.run("sync", "--full", "--allow-deletions").code == 0
    assert status(place, "tickets")["deleted"] == 62


def test_state_is_shown_and_reset(place: Place) -> None:
    rows = place.json("state", "show")
    assert {row["source"] for row in rows} == {"cs-sync", "files"}
    fields = (
        "source",
        "stream",
        "window",
        "cursor",
        "since",
        "until",
        "resume",
        "records",
        "updated_at",
    )
    assert tuple(rows[0]) == fields
    before = place.records()
    assert place.run("state", "reset", "files", "tickets").code == 0
    left = {(row["source"], row["stream"]) for row in place.json("state", "show")}
    assert ("files", "tickets") not in left
    assert ("files", "accounts") in left
    assert place.records() == before
    assert place.run("sync").code == 0
    assert place.records() == before
    unknown = place.run("state", "reset", "stripe")
    assert unknown.code == 2
    assert "nothing is stored of stripe" in unknown.err
    assert "cs-sync state show" in unknown.err


def test_runs_lists_the_newest_first(place: Place) -> None:
    place.run("sync")
    rows = place.json("runs")
    assert [row["started_at"][:13] for row in rows] == ["2026-03-10T11", "2026-03-10T08"]
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert len(place.json("runs", "--limit", "1")) == 1


def test_conflicts_are_listed_and_never_guessed(place: Place) -> None:
    twin = BOOKS["accounts.csv"] + "alpha-2,Alpha Labs,alpha.example,team\n"
    place.write("data/accounts.csv", twin)
    assert place.run("sync").code == 0
    accounts = {row["account"] for row in place.json("accounts")}
    assert {"alpha", "alpha-2"} <= accounts
    conflicts = place.json("accounts", "--conflicts")
    assert {item["source_id"] for item in conflicts} == {"alpha", "alpha-2"}
    conflict = conflicts[0]
    fields = ("kind", "source", "source_id", "candidates", "reason", "remedy", "since")
    assert tuple(conflict) == fields
    assert conflict["candidates"] == ["alpha", "alpha-2"]
    assert "alpha.example" in conflict["reason"]
    assert conflict["remedy"]


def test_check_looks_at_every_file_without_reading_it(place: Place) -> None:
    rows = place.json("check")
    assert tuple(rows[0]) == ("source", "stream", "ok", "message", "remedy")
    assert {row["stream"] for row in rows} == set(BOOKS)
    assert all(row["ok"] for row in rows)
    place.write("data/tickets.csv", BOOKS["tickets.csv"].replace("topic", "topik"))
    ran = place.run("--format", "json", "check")
    assert ran.code == 3
    (wrong,) = [row for row in ran.rows if not row["ok"]]
    assert "topik" in wrong["message"]
    assert "topic" in wrong["remedy"]


def test_two_processes_at_once(place: Place) -> None:
    """Another process, which lives, holds the lease: this one says so and touches nothing."""
    before = (place.records(), len(place.json("runs")))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        _hold_the_lease(place, other.pid)
        ran = place.run("sync")
        assert ran.code == 1
        assert "another run works on this workspace" in ran.err
        assert "→ wait for it to end" in ran.err
        assert (place.records(), len(place.json("runs"))) == before
        other.communicate(b"\n")
    assert place.run("sync").code == 0  # it is over, though nobody gave the lease back


def _hold_the_lease(place: Place, pid: int) -> None:
    store = open_store(f"sqlite:///{place.path / 'cs_sync.db'}")
    with store.write() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.getpid", lambda: pid)
        acquire_lease(connection, "other", LATER)
    store.close()

"""Forgetting a person: nothing of them is left, nothing that is counted changes, no sync helps."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from cs_sync.store.engine import open_store
from cs_sync_schemas import FollowUp, WriteLedger, get_table
from tests.jobs.road import BOOKS, NOW, Place, small_company

pytestmark = pytest.mark.slow("syncs, erases and syncs again in each test")

CLEO = "cleo@beta.example"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """The books with raw kept, and one row of Ann's that is rejected."""
    made = small_company(tmp_path)
    text = (tmp_path / "cs_sync.toml").read_text()
    made.configure(text + "[database]\nkeep_raw = true\n[write_back]\nmax_change = 1\n")
    made.write("data/survey_responses.csv", BOOKS["survey_responses.csv"] + BAD)
    assert made.run("sync").code == 3
    return made


BAD = "n9,nps,ann,99,0,10,2026-02-12T10:00,Ann here (ann@alpha.example): bad\n"


def bytes_of(place: Place) -> bytes:
    return b"".join(p.read_bytes() for p in place.path.glob("cs_sync.db*")).lower()


def numbers(place: Place) -> list[Any]:
    names = ("dau", "mau", "dau_mau", "nps", "csat", "open_tickets", "tickets_per_account")
    options = [option for name in names for option in ("--metric", name)]
    rows = place.json("metrics", *options, "--as-of", "2026-03-01")
    return [(row["metric"], row["value"], row["n"]) for row in rows]


@pytest.mark.parametrize("spelling", ["ann@alpha.example", "  ANN@Alpha.Example "])
def test_nothing_of_a_person_is_left_and_the_counts_stay(place: Place, spelling: str) -> None:
    assert b"ann@alpha.example" in bytes_of(place)
    before = numbers(place)
    ran = place.run("--format", "json", "forget", spelling)
    assert ran.code == 0, ran
    erased = {row["table"]: row["rows"] for row in ran.rows}
    assert erased == {
        "contact": 1, "contact_link": 1, "figure": 7, "rejected_record": 1, "source_contact": 1,
        "survey_response": 2, "ticket": 2, "usage_day": 19,
    }  # fmt: skip
    assert "hold none" in ran.err
    assert numbers(place) == before
    actual = bytes_of(place)
    for trace in (b"ann@alpha.example", b"Ann here", b"export stops", b'"ann"'):
        assert trace.lower() not in actual, trace
    assert b"ben@alpha.example" in actual


@pytest.mark.parametrize("command", [("sync",), ("sync", "--full"), ("rejects", "retry")])
def test_a_later_sync_does_not_bring_them_back(place: Place, command: tuple[str, ...]) -> None:
    before = numbers(place)
    place.run("forget", "ann@alpha.example")
    kept = place.records(but=(*COUNTED, "row_hash"))
    place.write("data/extra.txt", "")
    place.run(*command)
    assert numbers(place) == before
    assert place.records(but=(*COUNTED, "row_hash")) == kept
    assert b"ann@alpha.example" not in bytes_of(place)


COUNTED = ("first_seen_at", "last_seen_at", "changed_at")


def test_a_new_record_of_the_person_is_stored_without_them(place: Place) -> None:
    place.run("forget", "ann@alpha.example")
    place.write(
        "data/contacts.csv", BOOKS["contacts.csv"] + "ann2,beta,Ann@alpha.example,Ann Too\n"
    )
    place.write(
        "data/tickets.csv",
        BOOKS["tickets.csv"] + "14,beta,ann2,Ann asks,export,open,2026-03-01T10:00,\n",
    )
    place.run("sync")
    assert b"ann@alpha.example" not in bytes_of(place)
    assert b"ann too" not in bytes_of(place)
    (ticket,) = place.select("SELECT * FROM ticket WHERE source_id = '14'")
    assert ticket["account_source_id"] == "beta"
    rows = place.select("SELECT * FROM source_contact WHERE source_id LIKE 'erased-%'")
    assert [row["name"] for row in rows] == [None, None]
    assert len({row["email"] for row in rows}) == 1, "still one person to identity"
    assert rows[0]["email"].endswith("@alpha.example"), "and still of the same account"
    assert place.select("SELECT subject FROM ticket WHERE source_id = '14'") == [{"subject": None}]


def detractor_call(account: str) -> FollowUp:
    return FollowUp(
        key="k1",
        account_id=account,
        playbook="detractor_call",
        occasion="files:n5",
        title="Call Cleo at Beta: NPS 3",
        body="Cleo of Beta answered 3 of 10: “Too slow”",
        priority="high",
        due_at=NOW,
        created_at=NOW,
        evidence=[{"kind": "survey_response", "source": "files", "source_id": "n5"}],
    )


def test_the_words_of_a_person_leave_the_follow_ups(place: Place) -> None:
    (link,) = place.select("SELECT account_id FROM account_link WHERE source_id = 'beta'")
    url = f"sqlite:///{place.path / 'cs_sync.db'}"
    with closing(open_store(url)) as store, store.write() as connection:
        row = detractor_call(link["account_id"]).model_dump()
        connection.execute(insert(get_table(FollowUp)).values(row))
    place.run("report")
    assert "Cleo" in (place.path / "cs_sync_report.html").read_text()
    ran = place.run("forget", CLEO)
    (after,) = place.select("SELECT * FROM follow_up")
    assert after["title"] == "Call [erased] at Beta: NPS 3"
    assert after["body"] == "The person behind this asked to be forgotten."
    assert "cs_sync_report.html named the person and was written anew" in ran.err
    assert "Cleo" not in (place.path / "cs_sync_report.html").read_text()


def test_what_was_known_before_and_what_was_written_goes_too(place: Place) -> None:
    """The twin tables of history, and the ledger of what the CRM was told."""
    place.write("data/contacts.csv", BOOKS["contacts.csv"].replace(",Ann\n", ",Ann Marie\n"))
    place.write("data/tickets.csv", BOOKS["tickets.csv"].replace("Export stops", "Ann Marie asks"))
    place.run("sync")
    (before,) = place.select("SELECT subject FROM ticket_history WHERE source_id = '12'")
    assert before["subject"] == "Export stops"
    task = {"title": "Call Ann Marie", "body": "ann@alpha.example wrote: “Ann Marie asks”"}
    row = {
        "destination": "hubspot", "object": "follow_up", "key": "k9", "account_id": "alpha",
        "status": "acked", "fields": task, "intent": task, "intent_at": NOW, "attempts": 1,
        "run_id": "r", "reason": "ann@alpha.example is not an owner",
    }  # fmt: skip
    url = f"sqlite:///{place.path / 'cs_sync.db'}"
    with closing(open_store(url)) as store, store.write() as connection:
        connection.execute(insert(get_table(WriteLedger)).values(row))
    assert place.run("forget", "ann@alpha.example").code == 0
    assert place.select("SELECT subject FROM ticket_history") == [{"subject": None}]
    actual = bytes_of(place)
    for trace in (b"ann@alpha.example", b"ann marie", b"export stops"):
        assert trace not in actual, trace
    assert len(place.select("SELECT * FROM write_ledger")) == 1, "so that nothing is written twice"


@pytest.mark.parametrize(
    "name", ["cs_sync.db.0000.20260101T000000.bak", "cs_sync.db.old", "cs_sync-monday.db"]
)
def test_backups_that_still_hold_the_person_are_named(place: Place, name: str) -> None:
    held = place.path / name
    held.write_bytes(b"... ANN@alpha.example ...")
    other = place.path / "cs_sync.db.0000.20250101T000000.bak"
    other.write_bytes(b"nobody")
    ran = place.run("forget", "ann@alpha.example")
    assert f"backup: {held} still holds the person" in ran.err
    assert ran.err.count("backup:") == 1


def test_somebody_unknown_is_kept_out_from_now_on(place: Place) -> None:
    ran = place.run("--format", "json", "forget", "zoe@alpha.example")
    assert (ran.code, ran.rows) == (0, [])
    place.write("data/contacts.csv", BOOKS["contacts.csv"] + "zoe,alpha,zoe@alpha.example,Zoe\n")
    place.run("sync")
    assert b"zoe" not in bytes_of(place)


def test_a_longer_address_is_somebody_else(place: Place) -> None:
    place.run("forget", "n@alpha.example")
    assert b"ann@alpha.example" in bytes_of(place)


def test_what_is_no_address_is_refused(place: Place) -> None:
    ran = place.run("forget", "Ann")
    assert ran.code == 2
    assert "that is not an e-mail address" in ran.err


def test_an_owner_is_a_colleague_and_stays(place: Place) -> None:
    place.write("data/owners.csv", "source_id,name,email\no1,Olga,olga@our.example\n")
    place.run("sync")
    ran = place.run("forget", "olga@our.example")
    assert "files knows the address as your colleague o1" in ran.err
    assert place.select("SELECT email FROM owner") == [{"email": "olga@our.example"}]

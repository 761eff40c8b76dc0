"""A person answers who is who: what is asked, what an answer changes, and that it can be undone."""

from pathlib import Path
from typing import Any

import pytest

from tests.jobs.road import CONFIG, Place

BOOKS = {
    "accounts.csv": """
        source_id,name,domain,email
        p1,Pelican,pelican.example,pay@pelican.example
        p2,Anna P.,,pay@pelican.example
        heron,Heron,heron.example,
        """,
    "subscriptions.csv": """
        source_id,account,status,started_at,currency
        s1,p1,active,2025-01-01,EUR
        s2,p2,active,2026-02-05,EUR
        s3,heron,active,2025-01-01,EUR
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval,interval_count
        i1,s1,2025-01-01,5000,1,month,1
        i2,s2,2026-02-05,2000,1,month,1
        i3,s3,2025-01-01,4000,1,month,1
        """,
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


def make_place(folder: Path) -> Place:
    made = Place(folder)
    made.configure(CONFIG)
    for name, text in BOOKS.items():
        made.write(f"data/{name}", text)
    return made


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The books, synced once; what is refused changes nothing."""
    made = make_place(tmp_path_factory.mktemp("synced"))
    assert made.run("sync").code == 0
    return made


def graph(place: Place) -> dict[str, str]:
    return {row["source_id"]: row["account"] for row in place.json("accounts") if row["source_id"]}


def february(place: Place) -> dict[str, Any]:
    """A week of it: weeks do not close, so each answer is seen at once."""
    week = ("--grain", "week", "--since", "2026-02-02", "--until", "2026-02-09")
    rows = place.json("mrr", "--by", "account", *week)
    return {row["account"]: (row["new"], row["expansion"], row["closing"]) for row in rows}


def customers(place: Place) -> int:
    (row,) = place.json("metrics", "--metric", "customers", "--as-of", "2026-03-01")
    return int(row["value"])


@pytest.mark.slow("syncs and runs whole commands")
def test_a_question_is_told_by_the_sync_the_check_and_the_report(place: Place) -> None:
    warning = "2 account records could belong to several accounts: cs-sync accounts --conflicts"
    assert warning in place.run("sync").messages
    assert warning in place.run("check").messages
    (first, second) = place.json("accounts", "--conflicts")
    assert (first["source_id"], second["source_id"]) == ("p1", "p2")
    assert first["candidates"] == ["p1", "p2"]
    assert "cs-sync accounts link p1 p2" in first["remedy"]
    assert place.run("report").code == 0
    page = (place.path / "cs_sync_report.html").read_text()
    assert "2 records could belong to several accounts and wait for a decision" in page


@pytest.mark.slow("syncs and runs whole commands")
def test_a_link_is_one_account_at_once_and_undoing_it_is_two_again(place: Place) -> None:
    assert place.run("sync").code == 0
    before = graph(place), february(place)
    assert before[1] == {"p1": (0, 0, 5000), "p2": (2000, 0, 2000), "heron": (0, 0, 4000)}
    rows = place.json("accounts", "link", "p1", "p2", "--reason", "One invoice address")
    assert [(row["kind"], row["source_id"], row["account"]) for row in rows] == [
        ("link", "p1", "p1"), ("link", "p2", "p1"),
    ]  # fmt: skip
    assert graph(place) == {"p1": "p1", "p2": "p1", "heron": "heron"}
    assert february(place) == {"p1": (0, 2000, 7000), "heron": (0, 0, 4000)}
    assert customers(place) == 2
    assert place.json("accounts", "--conflicts") == []
    assert "could belong" not in place.run("sync").messages
    (row, _) = place.json("accounts", "undo", "1")
    assert row["undone_at"] is not None
    assert (graph(place), february(place)) == before
    assert len(place.json("accounts", "--conflicts")) == 2
    assert [row["reason"] for row in place.json("accounts", "answers")] == [
        "One invoice address"
    ] * 2


@pytest.mark.slow("syncs and runs whole commands")
def test_undoing_takes_along_what_had_come_with_the_record(place: Place) -> None:
    place.write("data/accounts.csv", BOOKS["accounts.csv"] + "q,Q,,\n")
    place.run("sync")
    place.json("accounts", "link", "p2", "q")
    place.json("accounts", "link", "p1", "p2")
    assert set(graph(place).values()) == {"p1", "heron"}
    place.json("accounts", "undo", "2")
    assert graph(place) == {"p1": "p1", "p2": "p2", "q": "p2", "heron": "heron"}


@pytest.mark.slow("syncs and runs whole commands")
def test_a_split_closes_the_question_and_stands_against_a_link(place: Place) -> None:
    place.run("sync")
    place.json("accounts", "split", "p1", "files:p2")
    assert place.json("accounts", "--conflicts") == []
    refused = place.run("accounts", "link", "p1", "p2")
    assert refused.code == 2
    assert "answer 1 contradicts this" in refused.messages
    assert "cs-sync accounts undo 1" in refused.messages
    assert place.run("accounts", "undo", "7").code == 2


@pytest.mark.slow("syncs and runs whole commands")
def test_a_test_account_is_in_no_figure_until_that_is_undone(place: Place) -> None:
    place.run("sync")
    assert customers(place) == 3
    place.json("accounts", "test", "heron")
    assert customers(place) == 2
    assert "heron" not in february(place)
    place.json("accounts", "undo", "1")
    assert customers(place) == 3


@pytest.mark.slow("syncs and runs whole commands")
def test_what_was_answered_holds_after_the_derived_graph_is_lost(place: Place) -> None:
    place.run("sync")
    place.json("accounts", "link", "p2", "p1")
    linked = graph(place)
    lost = ("account", "account_link", "account_history", "account_link_history", "stream_state")
    place.lose(*lost)
    assert place.run("sync").code == 0
    assert len(set(linked.values())) == len(set(graph(place).values())) == 2
    assert graph(place)["p1"] == graph(place)["p2"]
    assert [row["kind"] for row in place.json("accounts", "answers")] == ["link", "link"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (("link", "p1"), "at least 2"),
        (("link", "p1", "nobody"), "no account or record nobody"),
        (("link", "p1", "files:p1"), "same record"),
        (("split", "p1"), "no other record"),
    ],
)
def test_a_name_that_cannot_be_meant_is_refused(
    synced: Place, line: tuple[str, ...], word: str
) -> None:
    refused = synced.run("accounts", *line)
    assert refused.code == 2
    assert word in refused.messages
    assert synced.json("accounts", "answers") == []


RENAMED = {
    "accounts.csv": "source_id,external_key\nslug,slug\norg_7,org_7\n",
    "contacts.csv": "source_id,account\nu1,{at}\nu2,{at}\n",
}
USE = "account,contact,day,events\n" + "".join(
    f"{account},{who},2026-02-{day:02},3\n"
    for account, days in (("slug", range(2, 14)), ("org_7", range(16, 28)))
    for day in days
    for who in ("u1", "u2")
)
TICKETS = """
    source_id,account,requester,subject,status,opened_at
    1,slug,u1,A,open,2026-02-03T10:00
    2,slug,u2,B,open,2026-02-04T10:00
    3,org_7,u2,C,open,2026-02-20T10:00
    """


@pytest.mark.slow("syncs and runs whole commands")
@pytest.mark.parametrize("shown_by", ["use", "tickets", "moves"])
def test_a_renamed_group_is_told_by_its_people(tmp_path: Path, shown_by: str) -> None:
    """No name, no domain, no id in common; what the people did, or where they were, tells."""
    place = Place(tmp_path)
    place.configure(CONFIG)
    place.write("data/accounts.csv", RENAMED["accounts.csv"])
    if shown_by == "use":
        place.write("data/usage_days.csv", USE)
    elif shown_by == "tickets":
        place.write("data/tickets.csv", TICKETS)
    else:
        place.write("data/contacts.csv", RENAMED["contacts.csv"].format(at="slug"))
        assert "could belong" not in place.run("sync").messages
    place.write("data/contacts.csv", RENAMED["contacts.csv"].format(at="org_7"))
    warning = "2 account records could belong to several accounts"
    assert warning in place.run("sync").messages
    assert warning in place.run("check").messages
    place.write("data/accounts.csv", RENAMED["accounts.csv"] + "other,other\n")
    assert warning in place.run("sync").messages, "it stays open"
    rows = place.json("accounts", "--conflicts")
    assert [row["source_id"] for row in rows] == ["org_7", "slug"]
    assert "Most of its people are shared by 2 accounts: org_7, slug" in rows[0]["reason"]
    place.json("accounts", "link", "org_7", "slug")
    assert place.json("accounts", "--conflicts") == []
    assert graph(place)["slug"] == graph(place)["org_7"]


@pytest.mark.slow("syncs and runs whole commands")
def test_the_use_of_a_linked_group_is_unbroken(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure(CONFIG)
    place.write("data/accounts.csv", RENAMED["accounts.csv"])
    place.write("data/contacts.csv", RENAMED["contacts.csv"].format(at="org_7"))
    place.write("data/usage_days.csv", USE)
    place.run("sync")
    place.json("accounts", "link", "org_7", "slug")
    asked = ("--metric", "usage_frequency", "--as-of", "2026-03-01", "--by", "account")
    (row,) = [row for row in place.json("metrics", *asked) if row["n"]]
    assert (row["numerator"], row["denominator"]) == (48, 2), "24 days of each of two"

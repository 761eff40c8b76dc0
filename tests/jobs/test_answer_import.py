"""Answers outlive a database: exported, lost, imported, and everything is as it was."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.road import CONFIG, Place
from tests.jobs.test_answers import BOOKS, customers, february, graph

MORE = "\n        ".join(("q,Q,,", "trial,Trial,,", "x,X,x.example,", "y,Y,x.example,"))


@pytest.fixture(scope="module")
def synced_books(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("synced"))
    made.configure(CONFIG)
    for name, text in BOOKS.items():
        made.write(f"data/{name}", text)
    made.write("data/accounts.csv", BOOKS["accounts.csv"] + MORE + "\n")
    assert made.run("sync").code == 0
    return made


@pytest.fixture(scope="module")
def answered_once(synced_books: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = synced_books.copy_to(tmp_path_factory.mktemp("answered"))
    made.json("accounts", "link", "p2", "p1", "--reason", "=1+1; one, invoice")
    made.json("accounts", "link", "heron", "q")
    made.json("accounts", "undo", "2")
    made.json("accounts", "split", "x", "y")
    made.json("accounts", "test", "heron")
    return made


@pytest.fixture
def place(synced_books: Place, tmp_path: Path) -> Place:
    """Pelican twice, Heron, and some that a person is asked or tells of."""
    return synced_books.copy_to(tmp_path)


@pytest.fixture
def answered(answered_once: Place, tmp_path: Path) -> Place:
    """A link, one that is taken back, a split and a test account, with a reason for a formula."""
    return answered_once.copy_to(tmp_path)


def seen(place: Place) -> tuple[Any, ...]:
    asked = [row | {"since": None} for row in place.json("accounts", "--conflicts")]
    return graph(place), february(place), customers(place), asked


def answers(place: Place) -> list[dict[str, Any]]:
    return place.select("SELECT * FROM account_answer ORDER BY answer, position")


def lose(place: Place, *, sync: bool = True) -> None:
    for path in place.path.glob("cs_sync.db*"):
        path.unlink()
    if sync:
        assert place.run("sync").code == 0


def save(place: Place, how: str) -> str:
    """Write the answers to a file, in one of the ways that there are."""
    place.run("export", str(place.path / "out"), "--format", "jsonl" if how == "jsonl" else "csv")
    if how in ("csv", "jsonl"):
        return str(place.path / "out" / f"account_answer.{how}")
    printed = place.run("--format", how.partition(" ")[2], "accounts", "answers").out
    file = place.path / f"printed.{how.partition(' ')[2]}"
    file.write_text(printed, encoding="utf-8")
    return str(file)


@pytest.mark.slow("syncs and runs whole commands")
@pytest.mark.parametrize("how", ["csv", "jsonl", "printed csv", "printed json"])
def test_what_was_answered_comes_back_after_a_lost_database(answered: Place, how: str) -> None:
    given = answers(answered)
    file = save(answered, how)
    lose(answered)
    assert answers(answered) == []
    ran = answered.run("accounts", "import", file)
    assert ran.code == 0, ran
    assert "4 answers imported, 0 undone, 0 here already" in ran.messages
    assert answers(answered) == given
    accounts = graph(answered)
    partition = {
        frozenset(r for r, a in accounts.items() if a == name) for name in accounts.values()
    }
    assert partition == {
        frozenset(names) for names in (("p1", "p2"), ("heron",), ("q",), ("trial",), ("x",), ("y",))
    }
    before = answered.contents()
    again = answered.run("accounts", "import", file)
    assert "0 answers imported, 0 undone, 4 here already" in again.messages
    assert answered.contents() == before


@pytest.mark.slow("syncs and runs whole commands")
def test_everything_is_as_it_was_before_the_database_was_lost(answered: Place) -> None:
    before, file = seen(answered), save(answered, "csv")
    lose(answered)
    assert seen(answered) != before
    answered.run("accounts", "import", file)
    _, money, count, asked = seen(answered)
    assert (count, len(asked)) == (before[2], len(before[3]))
    assert sorted(money.values()) == sorted(before[1].values())


@pytest.mark.slow("syncs and runs whole commands")
def test_answers_that_are_imported_before_the_first_sync_count_when_their_records_come(
    answered: Place,
) -> None:
    file = save(answered, "csv")
    lose(answered, sync=False)
    ran = answered.run("accounts", "import", file)
    assert ran.code == 0, ran
    assert "not known here yet: 5 records (files heron, files p1, files p2, files x, files y)" in (
        ran.messages
    )
    assert answered.run("sync").code == 0
    assert graph(answered)["p1"] == graph(answered)["p2"]
    assert customers(answered) == 1, "Heron is a test"


@pytest.mark.slow("syncs and runs whole commands")
def test_what_was_imported_can_be_undone(answered: Place) -> None:
    file = save(answered, "csv")
    lose(answered)
    before = seen(answered)
    answered.run("accounts", "import", file)
    for number in (1, 3, 4):
        answered.json("accounts", "undo", str(number))
    assert seen(answered) == before
    ran = answered.run("accounts", "import", file)
    assert "0 answers imported, 0 undone, 4 here already" in ran.messages, "it was undone since"
    assert seen(answered) == before


@pytest.mark.slow("syncs and runs whole commands")
def test_one_resolution_follows_an_import_and_none_where_nothing_is_new(place: Place) -> None:
    place.write("given.csv", "answer,kind,source,source_id\n1,link,files,p2\n1,link,files,p1\n")
    file = str(place.path / "given.csv")
    ran = place.run("accounts", "import", file)
    assert ran.messages.count("accounts resolved") == 1
    assert graph(place)["p1"] == graph(place)["p2"]
    again = place.run("accounts", "import", file)
    assert "accounts resolved" not in again.messages
    assert "1 here already" in again.messages


@pytest.mark.slow("syncs and runs whole commands")
def test_what_was_answered_here_meanwhile_keeps_its_number(answered: Place) -> None:
    file = save(answered, "csv")
    lose(answered)
    answered.json("accounts", "link", "q", "trial")
    answered.json("accounts", "link", "p2", "p1")
    ran = answered.run("accounts", "import", file)
    assert "3 answers imported, 0 undone, 1 here already" in ran.messages
    kinds = {row["answer"]: row["kind"] for row in answered.json("accounts", "answers")}
    assert kinds == {1: "link", 2: "link", 3: "split", 4: "test", 5: "link"}
    assert [row["source_id"] for row in answers(answered) if row["answer"] == 5] == ["heron", "q"]


@pytest.mark.slow("syncs and runs whole commands")
def test_an_answer_that_was_undone_elsewhere_is_undone_here(answered: Place) -> None:
    old = (answered.path / "cs_sync.db").read_bytes()
    answered.json("accounts", "undo", "1")
    before, file = seen(answered), save(answered, "csv")
    (answered.path / "cs_sync.db").write_bytes(old)
    assert graph(answered)["p1"] == graph(answered)["p2"]
    ran = answered.run("accounts", "import", file)
    assert "0 answers imported, 1 undone, 3 here already" in ran.messages
    assert seen(answered) == before


HEAD = "answer,kind,source,source_id,reason,decided_at,undone_at\n"
LINK = "1,link,files,p1,,,\n1,link,files,p2,,,\n"
WRONG = {
    "no column": (
        "answer,kind,source,source_id,colour\n1,test,files,p1,red\n",
        "line 2, colour: it is not a column",
    ),
    "too many cells": (
        HEAD + "1,test,files,p1,,,,,\n",
        "line 2, cells without a column: it is not a column",
    ),
    "missing": (HEAD + LINK + "2,test,files,,,,\n", "line 4, source_id: Field required"),
    "kind": (
        HEAD + LINK + "2,join,files,p1,,,\n",
        "line 4, kind: Input should be 'link', 'split' or 'test'",
    ),
    "number": (HEAD + "one,test,files,p1,,,\n", "line 2, answer: Input should be a valid integer"),
    "zero": (
        HEAD + "0,test,files,p1,,,\n",
        "line 2, answer: Input should be greater than or equal to 1",
    ),
    "no zone": (
        HEAD + "1,test,files,p1,,2026-03-01T10:00:00,\n",
        "line 2, decided_at: Input should have timezone info",
    ),
    "seconds": (HEAD + "1,test,files,p1,,1772355600,\n", "line 2, decided_at: write a time as"),
    "future": (
        HEAD + "1,test,files,p1,,2027-03-01T10:00:00Z,\n",
        "line 2: a time of answer 1 is in the future",
    ),
    "backwards": (
        HEAD + "1,test,files,p1,,2026-03-01T10:00:00Z,2026-02-01T10:00:00Z\n",
        "line 2: answer 1 was undone before it was decided",
    ),
    "undone only": (
        HEAD + "1,test,files,p1,,,2026-02-01T10:00:00Z\n",
        "line 2: answer 1 has undone_at and no",
    ),
    "alone": (
        HEAD + "1,link,files,p1,,,\n",
        "line 2: answer 1 is a link of one record; name at least two",
    ),
    "twice": (
        HEAD + LINK + "1,link,files,p1,,,\n",
        "line 4: answer 1 names files p1 in line 2 already",
    ),
    "two kinds": (
        HEAD + LINK + "1,split,files,q,,,\n",
        "line 4: kind, reason or times differ from line 2 of answer 1",
    ),
    "contrary": (
        HEAD + LINK + "2,split,files,q,,,\n2,split,files,p2,,,\n2,split,files,p1,,,\n",
        "line 4: it contradicts line 2: files p1, files p2 are one account",
    ),
    "positions": (
        "answer,position,kind,source,source_id\n1,0,link,files,p1\n1,0,link,files,p2\n",
        "line 2: the positions in answer 1 are not one for each row",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_rows_are_refused_with_file_line_and_remedy(place: Place, case: str) -> None:
    text, words = WRONG[case]
    place.write("given.csv", text)
    before = place.contents()
    ran = place.run("accounts", "import", str(place.path / "given.csv"))
    assert ran.code == 2
    assert "no answer was imported" in ran.messages
    assert f"given.csv, {words}" in ran.messages
    assert "→" in ran.messages
    assert (answers(place), place.contents()) == ([], before)


def test_all_wrong_rows_are_told_at_once(place: Place) -> None:
    rows = "".join(f"{n},join,files,p1,,,\n" for n in range(1, 31))
    place.write("given.csv", HEAD + LINK.replace("1,", "99,", 1) + rows)
    ran = place.run("accounts", "import", str(place.path / "given.csv"))
    assert "line 4, kind" in ran.messages
    assert "and 12 more" in ran.messages


def test_what_contradicts_an_answer_here_is_refused(place: Place) -> None:
    place.json("accounts", "split", "p1", "p2")
    given = answers(place)
    place.write("given.csv", HEAD + "7,test,files,q,,,\n" + LINK)
    ran = place.run("accounts", "import", str(place.path / "given.csv"))
    assert ran.code == 2
    assert (
        "line 3: it contradicts answer 1 here: files p1, files p2 are not the same" in ran.messages
    )
    assert "cs-sync accounts undo" in ran.messages
    assert answers(place) == given


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("given.xlsx", "", "is not a .csv, .json, .jsonl file"),
        ("given.json", "[{]", "cannot be read"),
        ("given.json", '{"answer": 1}', "line 1, kind: Field required"),
        ("given.json", "[7]", "line 1, the row:"),
        (
            "given.jsonl",
            '{"answer": 1, "kind": "test", "source": "f", "source_id": 7}\n',
            "source_id:",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    place: Place, name: str, text: str, word: str
) -> None:
    place.write(name, text)
    ran = place.run("accounts", "import", str(place.path / name))
    assert ran.code == 2
    assert word in ran.messages
    missing = place.run("accounts", "import", str(place.path / "nowhere.csv"))
    assert missing.code == 2
    assert "nowhere.csv cannot be read: No such file" in missing.messages


def test_a_spreadsheet_may_write_semicolons_and_a_mark_of_its_encoding(place: Place) -> None:
    text = (HEAD + LINK).replace(",", ";")
    (place.path / "given.csv").write_text(text, encoding="utf-8-sig")
    assert place.run("accounts", "import", str(place.path / "given.csv")).code == 0
    assert [row["kind"] for row in answers(place)] == ["link", "link"]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_reason_brings_no_forgotten_person_back(place: Place) -> None:
    place.write("data/contacts.csv", "source_id,account,email\nann,p1,ann@pelican.example\n")
    place.run("sync")
    place.run("forget", "ann@pelican.example", "--yes")
    row = {"answer": 1, "kind": "test", "source": "files", "source_id": "q"}
    rows = [{**row, "reason": "ann@pelican.example says so"}]
    (place.path / "given.json").write_text(json.dumps(rows), encoding="utf-8")
    assert place.run("accounts", "import", str(place.path / "given.json")).code == 0
    (kept,) = answers(place)
    assert "ann@" not in kept["reason"]
    assert kept["reason"].endswith("says so")

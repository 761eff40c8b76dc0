"""`cs-sync try`: what the first records of a stream become, and nothing is stored."""

from pathlib import Path

import pytest

from tests.jobs.road import Place

CONFIG = """
    [connectors.files]
    path = "data"
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.configure(CONFIG)
    rows = [f"a{number},Company {number},c{number}.example" for number in range(12)]
    folder = made.path / "data"
    folder.mkdir()
    (folder / "accounts.csv").write_text("\n".join(["source_id,name,domain", *rows, ",No id,"]))
    return made


def test_ten_records_are_shown_and_what_was_rejected(place: Place) -> None:
    rows = place.json("--quiet", "try", "files", "accounts")
    assert [row["status"] for row in rows] == ["rejected"] + ["mapped"] * 10
    assert "source_id" in rows[0]["reason"]
    first = rows[1]
    assert (first["record"], first["source_id"]) == ("source_account", "a0")
    assert (first["name"], first["domain"], first["reason"]) == ("Company 0", "c0.example", "")


def test_it_says_how_many_were_read_and_stores_nothing(place: Place) -> None:
    ran = place.run("try", "files", "accounts")
    assert ran.code == 0
    assert "Company 9" in ran.out
    assert "mapped, and empty in every" not in ran.messages
    assert "pages read: 1; records mapped: 12, rejected: 1; nothing was stored" in ran.messages
    for table in ("source_account", "rejected_record", "stream_state", "run"):
        assert place.select(f"SELECT * FROM {table}") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("files", "acounts"), "files has no stream acounts"),
        (("crm", "accounts"), "no connector crm reads here"),
    ],
)
def test_a_name_that_is_none_is_refused(place: Place, words: tuple[str, str], message: str) -> None:
    ran = place.run("try", *words)
    assert ran.code == 2
    assert message in ran.messages

"""The past of accounts, first read today: owner, attributes and contacts as of a day."""

from pathlib import Path
from typing import Any

import pytest

from tests.follow_ups.books import Books
from tests.jobs.road import CONFIG, Place

BEFORE_SYNC = "nothing was stored before the first sync, at 2026-03-10 09:00"


def make_books() -> Books:
    """Alpha was a lead of Lea's until 10 February; beta was always Kim's, and nobody told more."""
    books = Books()
    books.add("owners", source_id="lea", name="Lea")
    stage = {"attr.stage": "customer", "attr.cs_health_band": "red"}
    books.customer("alpha", account={**stage, "last_contacted_at": "2026-03-01T10:00Z"})
    books.customer("beta", amount=7_000, account=stage)
    for field, value, happened_at in (
        ("owner_source_id", "lea", "2025-01-01"),
        ("owner_source_id", "kim", "2026-02-10"),
        ("attr.stage", "lead", "2025-01-01"),
        ("attr.stage", "customer", "2026-02-10"),
        ("attr.cs_health_band", "green", "2026-02-10"),
    ):
        books.add("account_changes", account="alpha", field=field, value=value,
                  happened_at=happened_at, value_at="")  # fmt: skip
    for day in ("2025-11-20", "2026-01-20", "2026-03-01"):
        moment = f"{day}T10:00Z"
        books.add("account_changes", account="alpha", field="last_contacted_at", value="",
                  happened_at=moment, value_at=moment)  # fmt: skip
    return books


def keep(path: Path, books: Books) -> Place:
    place = Place(path)
    place.configure(CONFIG)
    books.keep(place)
    assert place.run("sync").code == 0
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return keep(tmp_path_factory.mktemp("past"), make_books())


def measure_mrr(place: Place, by: str, *more: str) -> dict[Any, int]:
    rows = place.json("metrics", "--metric", "mrr", "--by", by, *more)
    return {
        (row["period_start"][5:7], row["segment"][by]): row["value"] for row in rows if row["value"]
    }


def test_segments_are_those_of_the_period_although_first_read_later(place: Place) -> None:
    months = ("--since", "2026-01-01", "--until", "2026-03-01")
    assert measure_mrr(place, "stage", *months) == {
        ("01", "lead"): 10_000, ("01", "customer"): 7_000, ("02", "customer"): 17_000,
    }  # fmt: skip
    assert measure_mrr(place, "owner", *months) == {
        ("01", "Lea"): 10_000, ("01", "Kim"): 7_000, ("02", "Kim"): 17_000,
    }  # fmt: skip


@pytest.mark.slow("compiles a past score; the segments above show dates of facts quickly")
def test_what_was_known_before_the_first_sync_is_told_by_the_facts_own_dates(place: Place) -> None:
    month = ("--since", "2026-01-01", "--until", "2026-02-01")
    then = measure_mrr(place, "stage", *month, "--known-at", "2026-02-01")
    assert then == {("01", "lead"): 10_000, ("01", "customer"): 7_000}
    assert BEFORE_SYNC in place.ran[-1].messages
    ran = place.run("score", "--as-of", "2026-01-31", "--known-at", "2026-02-01")
    assert (ran.code, "Alpha" in ran.out) == (0, True), ran


@pytest.mark.parametrize("asked", [("metrics", "--until", "2026-03-01"), ("score",)])
def test_a_day_after_that_time_is_refused(place: Place, asked: tuple[str, ...]) -> None:
    """By dates alone it would tell of February what nobody knew on the 20th."""
    ran = place.run(*asked, "--known-at", "2026-02-20")
    assert ran.code == 2
    assert BEFORE_SYNC in ran.messages
    assert "ask about days before 2026-02-20, with --as-of or --until" in ran.messages


def test_what_we_write_to_the_crm_ourselves_does_not_come_back_as_an_attribute(
    place: Place,
) -> None:
    output = place.ran[0].messages
    assert "left out of the accounts: cs_health_band, which cs-sync writes itself" in output
    names = {row["name"] for row in place.select("SELECT name FROM account_attribute")}
    assert names == {"owner", "stage"}


def test_a_field_without_a_past_is_rejected_by_name(tmp_path: Path) -> None:
    books = make_books()
    books.add("account_changes", account="beta", field="mrr", value="7", happened_at="2026-01-01")
    books.add("account_changes", account="beta", field="last_contacted_at", value="2026-01-01",
              happened_at="2026-01-02")  # fmt: skip
    place = Place(tmp_path)
    place.configure(CONFIG)
    books.keep(place)
    assert place.run("sync").code == 3
    reasons = [row["reason"] for row in place.json("rejects", "list")]
    assert sorted(reason.partition(": ")[2] for reason in reasons) == [
        "'mrr' is not owner_source_id, last_contacted_at or attr.NAME",
        "give last_contacted_at in value_at, not in value",
    ]


@pytest.mark.slow("runs backtests")
def test_the_last_contact_is_no_hindsight_where_its_past_is_told(
    place: Place, tmp_path: Path
) -> None:
    leaks = {row["input"]: row for row in place.json("backtest", "--horizon", "30", "--leaks")}
    assert leaks["days_since_contact"]["verdict"] == "used"
    books = make_books()
    del books.files["account_changes"]
    untold = keep(tmp_path, books).json("backtest", "--horizon", "30", "--leaks")
    assert "days_since_contact" not in {row["input"] for row in untold}

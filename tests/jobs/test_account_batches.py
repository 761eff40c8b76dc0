"""Accounts in batches: each is in one of them, and what is computed does not depend on them."""

from pathlib import Path

import pytest

from cs_sync.config import load_config
from cs_sync.follow_ups import PersonFact
from cs_sync.metrics.sql.chosen_accounts import AccountRange
from cs_sync.plugins import load_plugins
from cs_sync.queries import account_batches, kept_results
from cs_sync.queries.account_batches import AccountBatch, split_accounts, split_wanted
from cs_sync.queries.day import refresh_day_view
from cs_sync.runtime.workspace import open_workspace
from tests.follow_ups.books import day
from tests.jobs.road import Place
from tests.jobs.test_kept_results import KEPT, Begin, move_a_ticket, read_page, use_more
from tests.jobs.test_kept_results import begin as begin  # a fixture

IDS = ["a", "b", "c", "d", "e"]


def test_batches_are_ranges_of_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_batches, "BATCH_SIZE", 2)
    assert list(split_accounts(IDS)) == [
        AccountBatch(["a", "b"], AccountRange("a", "b")),
        AccountBatch(["c", "d"], AccountRange("c", "d")),
        AccountBatch(["e"], AccountRange("e", "e")),
    ]
    assert list(split_accounts([])) == [AccountBatch([])]


def test_one_batch_of_all_names_no_ids() -> None:
    assert list(split_accounts(IDS)) == [AccountBatch(IDS, ())]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("x", []),
        ("b", [AccountBatch(["b"], ["b"])]),
        ("abc", [AccountBatch(["a", "b"], AccountRange("a", "b")), AccountBatch(["c"], ["c"])]),
    ],
)
def test_few_are_one_batch_and_most_of_a_range_is_taken_whole(
    wanted: str, expected: list[AccountBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in_batches(2, monkeypatch)
    assert list(split_wanted(IDS, set(wanted))) == expected


def test_most_of_all_are_all() -> None:
    assert list(split_wanted(IDS, {"a", "c", "e"})) == [AccountBatch(IDS)]


@pytest.mark.slow("computes all scores twice; their statements have a quick test")
def test_scores_are_the_same_in_batches(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four accounts, three in one batch, of which nothing is at hand."""
    place, _ = begin(tmp_path, "sync")
    now, shown = place.now, place.json("score")
    place.lose(*KEPT)
    place.now = now
    take_in_batches(3, monkeypatch)
    assert place.json("score") == shown


@pytest.mark.slow("makes reports")
def test_the_same_is_shown_whatever_the_batches(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a run and a few changes: the accounts at once, then in batches of one and of three."""
    place, books = begin(tmp_path, "run")
    use_more(place, books)
    move_a_ticket(place, books)
    books.keep(place)
    place.run("sync")
    now = place.now
    shown = place.json("score"), place.json("score", "--as-of", "2026-02-10"), read_page(place)
    for size in (1, 3):
        take_in_batches(size, monkeypatch)
        place.lose(*KEPT)
        place.now = now
        again = place.json("score"), place.json("score", "--as-of", "2026-02-10"), read_page(place)
        assert again == shown


@pytest.mark.slow("syncs, and reads the people of a day four times")
def test_people_are_the_same_in_batches_though_they_used_others_accounts(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beta was used by somebody of gamma, whose last day that is, and by nobody of beta since."""
    place, books = begin(tmp_path, "sync")
    books.add("usage_days", account="beta", contact="p-gamma", day=day(0), events=7)
    books.keep(place)
    place.run("sync")
    shown = read_days_people(place)
    (somebody,) = shown["gamma"]
    assert somebody.last_day == day(0)
    for size in (1, 2, 3):
        take_in_batches(size, monkeypatch)
        assert read_days_people(place) == shown


def read_days_people(place: Place) -> dict[str, tuple[PersonFact, ...]]:
    place.lose(*KEPT)
    plugins = load_plugins()
    config = load_config(place.path / "cs_sync.toml", plugins)
    with open_workspace(config, plugins, clock=lambda: place.now) as workspace:
        return dict(refresh_day_view(workspace).people.results)


def take_in_batches(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_batches, "BATCH_SIZE", size)
    monkeypatch.setattr(kept_results, "MAX_AT_HAND", 0)

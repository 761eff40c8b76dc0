"""Alerts: a count or a field that falls out of line with the last runs, and nothing else."""

from pathlib import Path

import pytest

from cs_sync.sync.anomalies import (
    TableCounts,
    describe_count_drop,
    describe_fill_rate_drops,
    describe_row_drop,
)
from tests.jobs.road import Acme, Place, small_company


@pytest.mark.parametrize(
    ("now", "earlier", "odd"),
    [
        (40, [100, 100, 100], True),  # 60 % below the median
        (50, [100, 100, 100], False),  # exactly half
        (0, [100, 90, 110, 100], True),
        (0, [100, 100], False),  # two runs say nothing
        (30, [200, 210, 30, 190, 205, 200, 28], False),  # a weekend, as the one before
        (0, [10, 12, 9, 11], False),  # small numbers
        (300, [100, 100, 100], False),  # more is not an alarm
    ],
)
def test_a_count_deviates(now: int, earlier: list[int], odd: bool) -> None:
    assert (describe_count_drop(now, earlier) is not None) is odd


def test_the_message_says_both_numbers() -> None:
    warning = describe_count_drop(40, [10_000, 12_000, 9_000])
    assert warning == "gave 40 records; the median of the last 3 runs is 10,000"


@pytest.mark.parametrize(
    ("now", "odd"),
    [
        (TableCounts(100, {"email": 70}), ["email is filled in 70% of the rows; usual is 95%"]),
        (TableCounts(100, {"email": 76}), []),
        (TableCounts(100, {"email": 95, "new_field": 0}), []),
        (TableCounts(40, {"email": 38}), ["40 rows are left; the median of the last 3 is 100"]),
        (TableCounts(0, {"email": 0}), ["0 rows are left; the median of the last 3 is 100"]),
    ],
)
def test_a_profile_deviates(now: TableCounts, odd: list[str]) -> None:
    earlier = [
        TableCounts(100, {"email": 95}),
        TableCounts(90, {"email": 86}),
        TableCounts(110, {"email": 105}),
    ]
    assert list_deviations(now, earlier) == odd


def list_deviations(now: TableCounts, earlier: list[TableCounts]) -> list[str]:
    few = describe_row_drop(now, earlier)
    return [*([few] if few else []), *describe_fill_rate_drops(now, earlier)]


def test_small_tables_and_few_runs_say_nothing() -> None:
    assert (
        list_deviations(TableCounts(10, {"email": 0}), [TableCounts(10, {"email": 10})] * 9) == []
    )
    assert (
        list_deviations(TableCounts(99, {"email": 0}), [TableCounts(99, {"email": 99})] * 2) == []
    )


def contacts(count: int, email: bool = True) -> str:
    lines = [f"c{n},alpha,{f'c{n}@alpha.example' if email else ''},P{n}\n" for n in range(count)]
    return "source_id,account,email,name\n" + "".join(lines)


@pytest.fixture(scope="module")
def synced_books(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = small_company(tmp_path_factory.mktemp("synced"))
    for name in ("tickets.csv", "survey_responses.csv", "usage_days.csv"):
        (made.path / "data" / name).unlink()
    for run in range(4):
        made.write("data/contacts.csv", contacts(60 + run))
        ran = made.run("sync")
        assert ran.code == 0
        assert "unusual" not in ran.messages
    return made


@pytest.fixture
def place(synced_books: Place, tmp_path: Path) -> Place:
    """Four runs, a few contacts more in each."""
    return synced_books.copy_to(tmp_path)


@pytest.mark.slow("syncs all of Acme six times")  # `tests/store/test_runs.py` has what is compared
def test_what_is_new_is_not_compared_with_all_there_is(acme: Acme) -> None:
    """Nor with a range that was read beside the cursor."""
    for line in (["--full"], ["--full"], [], ["--since", "2026-11-19"], []):
        ran = acme.run("sync", *line)
        assert (ran.code, "unusual" in ran.messages) == (0, False), ran
    commands = [
        run["command"] for run in acme.select("SELECT command FROM run ORDER BY started_at")
    ]
    full, ranged = "sync --full", "sync --since"
    assert commands == ["sync", full, full, "sync", ranged, "sync"]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_run_says_that_a_field_has_gone_empty(place: Place) -> None:
    place.write("data/contacts.csv", contacts(64, email=False))
    ran = place.run("sync")
    assert ran.code == 3, "health and follow-ups would rest on what is no longer there"
    warning = "files source_contact: email is filled in 0% of the rows; usual is 100%"
    assert f"unusual: {warning}" in ran.messages
    assert f"warning: {warning}" in ran.messages


@pytest.mark.slow("syncs and runs whole commands")
def test_a_run_says_that_a_stream_gave_much_less(place: Place) -> None:
    place.write("data/contacts.csv", contacts(5))
    ran = place.run("sync")
    assert "files contacts: gave 5 records; the median of the last 4 runs is 62" in ran.messages

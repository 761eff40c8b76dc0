"""Observations read from a workspace: who pays, what was known, what became of them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from cs_sync import ConfigError
from cs_sync.config import load_config
from cs_sync.foresight.observations import Observation
from cs_sync.plugins import load_plugins
from cs_sync.queries.observations import (
    ObservationRequest,
    list_month_ends,
    read_history,
    read_month_end,
)
from cs_sync.runtime.workspace import Workspace, open_workspace
from tests.follow_ups.books import Books
from tests.jobs.road import CONFIG, Place

REQUEST = ObservationRequest(horizon_days=30, lead_days=14, scored=True)


def make_books() -> Books:
    """Six customers from January 2025; the newest fact is yesterday's use."""
    books = Books()
    books.customer("stays")
    books.customer("grows")
    books.customer("shrinks")
    books.item("grows", "2026-01-10", 20_000)
    books.item("shrinks", "2026-01-10", 4_000)
    ended: dict[str, Any] = {"used": None, "status": "canceled"}
    books.customer("leaves", ended_at="2026-01-25", cancel_reason="too_expensive", **ended)
    books.customer("unpaid", ended_at="2026-01-26", cancel_reason="payment_failed", **ended)
    books.customer("at_once", ended_at="2026-01-05", **ended)
    books.add("usage_days", account="stays", contact="p-stays", day="2025-11-20", events=9)
    return books


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("observed"))
    made.configure(CONFIG)
    make_books().keep(made)
    assert made.run("sync").code == 0
    return made


@pytest.fixture
def workspace(place: Place) -> Iterator[Workspace]:
    with opened(place) as actual:
        yield actual


def opened(place: Place) -> Any:
    plugins = load_plugins()
    config = load_config(place.path / "cs_sync.toml", plugins)
    return open_workspace(config, plugins, clock=lambda: place.now)


def observe(workspace: Workspace, cutoff: date) -> dict[str, Observation]:
    history = read_history(workspace)
    months = list_month_ends(workspace, history, REQUEST)
    (window,) = (month for month in months if month.cutoff == cutoff)
    return {item.account: item for item in read_month_end(workspace, history, window, REQUEST)}


def test_the_history_begins_with_mrr_and_ends_with_the_newest_fact(workspace: Workspace) -> None:
    history = read_history(workspace)
    assert history.first == date(2025, 1, 1)
    assert history.ends_at.date() == date(2026, 3, 9)
    assert history.read_at.date() == date(2026, 3, 10)


@pytest.mark.slow("simulates books")
def test_outcomes_of_one_month(workspace: Workspace) -> None:
    """From 31 December: the horizon is 15 January to 13 February."""
    actual = observe(workspace, date(2025, 12, 31))
    assert {name: item.outcome for name, item in actual.items()} == {
        "stays": "stayed", "grows": "stayed", "shrinks": "stayed",
        "leaves": "voluntary", "unpaid": "involuntary",
    }  # fmt: skip
    assert actual["leaves"].left_at == datetime(2026, 1, 24, 23, tzinfo=UTC)
    earlier = observe(workspace, date(2025, 11, 30))
    assert earlier["grows"].outcome == "expanded"
    assert earlier["shrinks"].outcome == "contracted"
    assert earlier["at_once"].outcome == "voluntary"
    assert "leaves" in earlier
    assert earlier["leaves"].outcome == "stayed"


def test_values_are_those_of_the_day(workspace: Workspace) -> None:
    item = observe(workspace, date(2025, 11, 30))["stays"]
    assert item.values["days_since_use"] == 10
    assert item.values["active_days_28"] == 1
    assert item.values["nps"] is None
    assert item.values["tenure_months"] == pytest.approx(334 / (365 / 12), abs=0.01)
    assert (item.mrr, item.currency) == (10_000, "EUR")
    assert item.band is not None


@pytest.mark.slow("simulates books")
def test_later_records_change_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What arrives later about an earlier day is not known on that day."""
    late = Place(tmp_path_factory.mktemp("late"))
    late.configure(CONFIG)
    books = make_books()
    books.keep(late)
    assert late.run("sync").code == 0
    days = [date(2025, 11, 30), date(2025, 12, 31)]
    with opened(late) as workspace:
        before = [observe(workspace, day) for day in days]
    late.now = datetime(2026, 3, 20, 8, tzinfo=UTC)
    for day in range(10, 19):
        books.add("usage_days", account="leaves", contact="p-leaves", day=f"2025-11-{day:02}",
                  events=3)  # fmt: skip
        books.add("usage_days", account="stays", contact="p-stays", day=f"2026-03-{day:02}",
                  events=3)  # fmt: skip
    books.item("stays", "2025-12-20", 1_000)
    books.keep(late)
    assert late.run("sync").code == 0
    with opened(late) as workspace:
        assert [observe(workspace, day) for day in days] == before
        history = read_history(workspace)
        assert history.ends_at.date() == date(2026, 3, 18)


def test_too_short_a_history_is_said(workspace: Workspace) -> None:
    request = ObservationRequest(horizon_days=700, lead_days=14)
    with pytest.raises(ConfigError, match="no month end with a whole horizon of 700 days"):
        list_month_ends(workspace, read_history(workspace), request)


def test_without_mrr_there_is_no_history(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = Place(tmp_path_factory.mktemp("empty"))
    empty.configure(CONFIG)
    empty.write("data/accounts.csv", "source_id,name\nalpha,Alpha\n")
    empty.run("sync")
    with opened(empty) as workspace, pytest.raises(ConfigError, match="no account has MRR"):
        read_history(workspace)

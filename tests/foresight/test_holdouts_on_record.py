"""Holdouts from stored follow-ups and MRR, worked by hand."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync.cli.render.outcomes import playbooks_table
from cs_sync.config import load_config
from cs_sync.follow_ups import PlaybookSettings
from cs_sync.foresight.comparisons import Counts
from cs_sync.foresight.holdouts import HoldoutAnswer, calculate_needed_accounts
from cs_sync.i18n import ENGLISH
from cs_sync.plugins import load_plugins
from cs_sync.queries.holdouts import CustomerBook, describe_new_holdouts, judge_playbook_holdout
from cs_sync.runtime.workspace import open_workspace
from cs_sync.store.queries.accounts import Span
from tests.i18n.test_leftovers import show
from tests.jobs.road import CONFIG, Place, small_company, synced_company

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
HALF = PlaybookSettings(holdout=0.5)


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def follow_up(account: str, days: int, state: str = "open", mrr: int = 100) -> dict[str, Any]:
    return {
        "key": f"{account}-{days}", "account_id": account, "playbook": "review", "state": state,
        "created_at": days_ago(days), "mrr": {"EUR": mrr},
    }  # fmt: skip


def pays(until: int | None = None) -> list[Span]:
    """An account that has paid for two years, until so many days ago."""
    end = None if until is None else days_ago(until)
    return [Span("EUR", 100, days_ago(730), end)]


def workspace() -> Any:
    settings = SimpleNamespace(
        foresight=SimpleNamespace(horizon_days=90),
        workspace=SimpleNamespace(timezone=ZoneInfo("UTC")),
    )
    return SimpleNamespace(config=settings, clock=lambda: NOW, today=NOW.date())


SPANS = {
    "early": pays(),
    "held": pays(until=50),
    "treated": pays(),
    "gone": pays(until=60),
    "deferred": pays(until=20),
    "young": pays(until=5),
    "trial": [],
}


def judge(settings: PlaybookSettings, rows: list[dict[str, Any]]) -> HoldoutAnswer | None:
    at = workspace()
    return judge_playbook_holdout(at, settings, rows, CustomerBook(at, SPANS))


def test_who_counts_on_which_side() -> None:
    """The holdout began 120 days ago; each account counts once, from its first follow-up on.

    `early` was treated before, `trial` pays nothing, the horizon of `young` is not over.
    """
    rows = [
        follow_up("early", 200),
        follow_up("early", 100),
        follow_up("held", 120, "held_out"),
        follow_up("treated", 110),
        follow_up("gone", 100, "done"),
        follow_up("gone", 95, "open"),
        follow_up("deferred", 100, "waiting"),
        follow_up("young", 10),
        follow_up("trial", 100, mrr=0),
        follow_up("", 100),
    ]
    answer = judge(HALF, rows)
    assert answer is not None
    assert answer.eligible == 5
    assert (answer.held_out, answer.treated) == (Counts(1, 1), Counts(3, 2))
    assert answer.verdict == "not_yet"


def test_before_anybody_is_held_out() -> None:
    """Four of six customers left within the last of four horizons: 4 of 24.

    4.507906 × (0.138889 + 0.099197) × 2 ÷ 0.055² = 709.6; nine follow-ups in 90 days are a
    tenth a day.
    """
    rows = [follow_up(f"a{n}", 9 * n + 1) for n in range(9)]
    answer = judge(HALF, rows)
    assert answer is not None
    assert answer.needed == 710
    assert answer.answer_on == date(2026, 6, 30) + timedelta(days=7_100 + 90)


def test_none_is_none_and_one_switched_off_still_answers() -> None:
    rows = [follow_up("treated", 110)]
    assert judge(PlaybookSettings(), rows) is None
    rows += [follow_up("held", 120, "held_out"), follow_up("gone", 100)]
    answer = judge(PlaybookSettings(), rows)
    assert answer is not None
    assert (answer.held_out, answer.treated) == (Counts(1, 1), Counts(0, 0))


@pytest.mark.slow("simulates books")
def test_what_a_holdout_would_need(tmp_path: Any) -> None:
    place: Place = small_company(tmp_path)
    assert place.run("sync").code == 0
    rows = {row["playbook"]: row for row in place.json("playbooks", "--holdout", "0.1")}
    review = rows["account_review"]
    assert (review["holdout_eligible"], review["holdout_verdict"]) == (0, "not_yet")
    assert review["holdout_needed"] > 1_000
    assert rows["cost_work"]["holdout_verdict"] is None
    assert {row["holdout_verdict"] for row in place.json("playbooks")} == {None}
    assert "not yet: 0 of" in place.run("playbooks", "--holdout", "0.1").out


def test_what_the_first_run_prints(tmp_path: Any) -> None:
    """Gamma alone left, in the last of four horizons with 3, 3, 3 and 3 customers: 1 of 12."""
    place = synced_company(tmp_path)
    place.configure(f"{CONFIG}\n    [playbooks.topic_call]\n    holdout = 0.5\n")
    plugins = load_plugins()
    config = load_config(place.path / "cs_sync.toml", plugins)
    with open_workspace(config, plugins, clock=lambda: place.now) as opened:
        (message,) = describe_new_holdouts(opened, [])
        assert describe_new_holdouts(opened, [follow_up("beta", 1, "held_out")]) == [message]
        taken = {**follow_up("beta", 1, "held_out"), "playbook": "topic_call"}
        assert describe_new_holdouts(opened, [taken]) == []
    needed = calculate_needed_accounts(0.5, 1 / 12)
    assert message == (
        f"holdout of topic_call: {needed:,} eligible accounts show whether a third fewer leave "
        "(50% of them left alone); when is unknown, as none became eligible in the last 90 days"
    )


def test_an_answer_in_words() -> None:
    row = dict.fromkeys(("enabled", "held_out", "judged", "recovered", "effect"), 0)
    counts = ("created", "open", "done", "too_late", "ignored", "deleted", "resolved", "waiting")
    row |= dict.fromkeys((*counts, "held_out_recovered", "held_out_judged"), 0)
    actual = {
        **row, "playbook": "review", "enabled": True, "holdout_verdict": "fewer_left",
        "churn_effect": -0.03, "churn_effect_low": -0.05, "churn_effect_high": -0.01,
    }  # fmt: skip
    shown = show(playbooks_table([actual], ENGLISH))
    assert "-3.0 pp (-5.0% – -1.0%): fewer leave" in shown

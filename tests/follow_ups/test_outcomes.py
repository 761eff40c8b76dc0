"""What came of follow-ups, and the effect that a holdout shows."""

from datetime import date, timedelta
from typing import Any

import pytest

from cs_sync.follow_ups.outcomes import (
    AccountAfterwards,
    PastFollowUp,
    classify_outcome,
    has_recovered,
    summarize_playbooks,
)
from tests.follow_ups.views import NOW

TWO_WEEKS = timedelta(days=14)
DUE = NOW - TWO_WEEKS


def row(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "state": "open", "touched": False, "due_at": DUE, "ended_at": None, "band": "red",
        "mrr": {"EUR": 100},
    }  # fmt: skip
    return given | fields


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "open"),
        ({"due_at": DUE - timedelta(seconds=1)}, "ignored"),
        ({"due_at": DUE - timedelta(days=9), "touched": True}, "open"),
        ({"state": "done", "ended_at": DUE}, "done"),
        ({"state": "done", "ended_at": DUE + timedelta(seconds=1)}, "too_late"),
        ({"state": "resolved", "ended_at": NOW}, "resolved"),
        ({"state": "waiting"}, "waiting"),
        ({"state": "held_out"}, "held_out"),
    ],
)
def test_what_people_made_of_it(fields: dict[str, Any], outcome: str) -> None:
    assert classify_outcome(row(**fields), NOW, TWO_WEEKS) == outcome


@pytest.mark.parametrize(
    ("was", "later", "euros", "expected"),
    [
        ("red", ["yellow"], 100, True),
        ("red", ["green", "red"], 100, False),
        ("red", ["green"], 99, False),
        ("red", ["green", "insufficient"], 120, True),
        ("yellow", ["yellow"], 100, False),
        ("green", ["excellent"], 100, None),
        ("red", [], 100, None),
        (None, ["green"], 100, None),
    ],
)
def test_who_recovered(
    was: str | None, later: list[str], euros: int, expected: bool | None
) -> None:
    bands = [(date(2025, 11, day), band) for day, band in enumerate(later, start=1)]
    assert has_recovered(row(band=was), AccountAfterwards(bands, {"EUR": euros})) is expected


def test_a_row_per_playbook_with_its_effect() -> None:
    past = [
        *(PastFollowUp("review", "done", True) for _ in range(6)),
        *(PastFollowUp("review", "ignored", False) for _ in range(2)),
        PastFollowUp("review", "open", None),
        PastFollowUp("review", "waiting", None),
        PastFollowUp("review", "held_out", True),
        *(PastFollowUp("review", "held_out", False) for _ in range(3)),
    ]
    review, idle = summarize_playbooks(past, ["review", "idle"])
    counts = ("created", "done", "ignored", "open", "waiting", "judged", "recovered")
    assert [review[name] for name in counts] == [9, 6, 2, 1, 1, 8, 6]
    assert (review["recovery_rate"], review["held_out_recovery_rate"]) == (0.75, 0.25)
    assert (review["held_out"], review["effect"]) == (4, 0.5)
    assert review["effect_low"] < 0.5 < review["effect_high"]
    assert (idle["created"], idle["recovery_rate"], idle["effect"]) == (0, None, None)

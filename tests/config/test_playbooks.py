"""The `[playbooks.NAME]` tables: what can be set, and what is said about mistakes."""

from datetime import timedelta
from typing import Any

import pytest

from cs_sync.config.playbooks import read_playbook_settings
from cs_sync.config.problems import Problem
from cs_sync.follow_ups import PLAYBOOKS


def test_a_table_changes_what_it_names() -> None:
    settings, mistakes = read_playbook_settings(
        {"detractor_call": {"due_in": "2d", "max_age_days": 7}}, PLAYBOOKS
    )
    assert mistakes == []
    assert settings["detractor_call"].due_in == timedelta(days=2)
    assert settings["detractor_call"].priority == "high"
    assert settings["account_review"] == PLAYBOOKS["account_review"].defaults


@pytest.mark.parametrize(
    ("text", "length"),
    [("90m", timedelta(minutes=90)), ("24h", timedelta(days=1)), ("1 w", timedelta(weeks=1))],
)
def test_durations(text: str, length: timedelta) -> None:
    settings, _ = read_playbook_settings({"account_review": {"due_in": text}}, PLAYBOOKS)
    assert settings["account_review"].due_in == length


@pytest.mark.parametrize(
    ("given", "key", "message", "remedy"),
    [
        ({"detractor_cal": {}}, "playbooks.detractor_cal", "there is no such playbook",
         "did you mean detractor_call?"),
        ({"zzz": {}}, "playbooks.zzz", "there is no such playbook",
         f"valid names: {', '.join(sorted(PLAYBOOKS))}"),
        ({"account_review": {"due": "2d"}}, "playbooks.account_review.due", "unknown key",
         "did you mean due_in?"),
        ({"account_review": {"due_in": "soon"}}, "playbooks.account_review.due_in",
         "'soon' is not a duration", 'write "90m", "24h", "2d" or "1w"'),
        ({"account_review": {"priority": "urgent"}}, "playbooks.account_review.priority",
         "must be 'low', 'medium' or 'high'", "valid names: high, low, medium"),
        ({"account_review": 3}, "playbooks.account_review", "must be a table",
         "write it as [playbooks.account_review]"),
    ],
)  # fmt: skip
def test_mistakes(given: dict[str, Any], key: str, message: str, remedy: str) -> None:
    settings, mistakes = read_playbook_settings(given, PLAYBOOKS)
    assert mistakes == [Problem(key, message, remedy)]
    assert "contraction_contact" in settings


def test_a_company_wide_playbook_needs_somebody_to_go_to() -> None:
    given = {"exit_surveys": {"target": {"rate": 0.03, "per": "month"}}}
    _, mistakes = read_playbook_settings(given, PLAYBOOKS, assigned=False)
    assert mistakes == [
        Problem(
            "playbooks.exit_surveys.assignee",
            "is missing: these follow-ups belong to no account, and so to no owner",
            'add assignee = "name@example.com" to [playbooks.exit_surveys] or to [follow_ups]',
        )
    ]
    given["exit_surveys"]["assignee"] = "head@example.com"  # type: ignore[assignment]
    assert read_playbook_settings(given, PLAYBOOKS, assigned=False)[1] == []
    off = {"exit_surveys": {"enabled": False}}
    assert read_playbook_settings(off, PLAYBOOKS, assigned=False)[1] == []


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"exit_surveys": {"target": 0.05}}, "playbooks.exit_surveys.target"),
        ({"exit_surveys": {"target": {"rate": 0.05}}}, "playbooks.exit_surveys.target.per"),
        ({"account_review": {"assignee": "head"}}, "playbooks.account_review.assignee"),
        ({"account_review": {"holdout": 1}}, "playbooks.account_review.holdout"),
        ({"account_review": {"cool_down": "a while"}}, "playbooks.account_review.cool_down"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(given: dict[str, Any], key: str) -> None:
    _, mistakes = read_playbook_settings(given, PLAYBOOKS)
    assert [mistake.key for mistake in mistakes] == [key]

"""The `[playbooks.NAME]` tables: what can be set, and what is said about mistakes."""

from datetime import timedelta
from typing import Any

import pytest

from cs_sync.follow_ups import PLAYBOOKS, Mistake, read_settings

DEFAULTS = {name: playbook.defaults for name, playbook in PLAYBOOKS.items()}


def test_a_table_changes_what_it_names() -> None:
    settings, mistakes = read_settings(
        {"detractor_call": {"due_in": "2d", "max_age_days": 7}}, DEFAULTS
    )
    assert mistakes == []
    assert settings["detractor_call"].due_in == timedelta(days=2)
    assert settings["detractor_call"].priority == "high"
    assert settings["account_review"] == DEFAULTS["account_review"]


@pytest.mark.parametrize(
    ("text", "length"),
    [("90m", timedelta(minutes=90)), ("24h", timedelta(days=1)), ("1 w", timedelta(weeks=1))],
)
def test_durations(text: str, length: timedelta) -> None:
    settings, _ = read_settings({"account_review": {"due_in": text}}, DEFAULTS)
    assert settings["account_review"].due_in == length


@pytest.mark.parametrize(
    ("given", "key", "message", "remedy"),
    [
        ({"detractor_cal": {}}, "playbooks.detractor_cal", "there is no such playbook",
         "did you mean detractor_call?"),
        ({"zzz": {}}, "playbooks.zzz", "there is no such playbook",
         "known here: detractor_call, account_review, contraction_contact"),
        ({"account_review": {"due": "2d"}}, "playbooks.account_review.due", "unknown key",
         "did you mean due_in?"),
        ({"account_review": {"due_in": "soon"}}, "playbooks.account_review.due_in",
         "'soon' is no duration", 'write "90m", "24h", "2d" or "1w"'),
        ({"account_review": {"priority": "urgent"}}, "playbooks.account_review.priority",
         "Input should be 'low', 'medium' or 'high'", "correct the value"),
        ({"account_review": 3}, "playbooks.account_review", "must be a table",
         "write it as [playbooks.account_review]"),
    ],
)  # fmt: skip
def test_mistakes(given: dict[str, Any], key: str, message: str, remedy: str) -> None:
    settings, mistakes = read_settings(given, DEFAULTS)
    assert mistakes == [Mistake(key, message, remedy)]
    assert "contraction_contact" in settings

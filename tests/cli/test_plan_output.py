"""`cs-sync plan`: what would be written, folded and in full."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Run = Callable[..., Any]
Jobs = Callable[..., None]
START = datetime(2026, 3, 1, 5, 15, tzinfo=UTC)
PLANNED: dict[str, Any] = {
    "destination": "hubspot",
    "object": "account",
    "account": "acct_1",
    "key": "acct_1",
    "action": "update",
    "changes": {"cs_health_score": [71.0, 40.5], "cs_health_band": ["green", "red"]},
    "reason": None,
    "name": "Bolt",
}


def test_plan_folds_what_is_alike_and_ends_with_the_counts(run: Run, jobs: Jobs) -> None:
    task = {"title": [None, "Call Bolt"], "due_at": [None, START], "body": [None, "word " * 60]}
    rows = [
        *({**PLANNED, "account": f"acct_{n}", "name": f"Bolt {n}"} for n in range(8)),
        {**PLANNED, "object": "follow_up", "action": "create", "changes": task},
        {**PLANNED, "action": "unchanged", "changes": {}, "name": "Quiet"},
        {**PLANNED, "action": "refused", "changes": {}, "reason": "two records are this account"},
    ]
    jobs("queries.write_plan", preview_push=lambda workspace: rows)
    lines = [line.rstrip() for line in run("plan").out.splitlines()]
    assert lines[1].endswith("two records are this account")
    assert " ".join(lines[2].split()) == (
        "create follow-up Bolt acct_1 title: Call Bolt, due: 1 Mar 2026, 05:15 UTC and 1 more field"
    )
    assert " ".join(lines[3].split()) == (
        "update account Bolt 0 acct_0 Health score: 71 → 40.5, Health band: green → red"
    )
    assert "Bolt 4" in lines[7]
    assert lines[8].strip() == "… and 3 more like these (--all)"
    assert lines[9:] == ["8 to update, 1 to create, 1 unchanged, 1 refused"]
    actual = json.loads(run("--format", "json", "plan").out)
    assert actual[0]["changes"]["cs_health_score"] == [71.0, 40.5]
    assert list(actual[0]) == list(PLANNED)


def test_plan_with_all_shows_every_write_with_all_its_fields(run: Run, jobs: Jobs) -> None:
    task = {"title": [None, "Call Bolt"], "body": [None, "word " * 60]}
    rows = [{**PLANNED, "account": f"acct_{n}"} for n in range(8)]
    rows.append({**PLANNED, "object": "follow_up", "action": "create", "changes": task})
    jobs("queries.write_plan", preview_push=lambda workspace: rows)
    out = run("plan", "--all").out
    assert all(f"acct_{n}" in out for n in range(8))
    assert "--all" not in out
    assert "word …" in out
    assert "Health band: green → red" in out


def test_plan_without_changes_is_one_line(run: Run, jobs: Jobs) -> None:
    rows: list[dict[str, Any]] = []
    jobs("queries.write_plan", preview_push=lambda workspace: rows)
    assert run("plan").out == "No changes\n"
    rows.append({**PLANNED, "action": "unchanged", "changes": {}})
    assert run("plan").out == "1 unchanged\n"

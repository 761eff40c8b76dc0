"""Processes that die, answers and databases that are lost: no row is missing, no task is twice."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync_sandbox import Sandbox, keys
from tests.jobs.conftest import acme_in
from tests.jobs.road import DAY, Acme

pytestmark = [
    pytest.mark.slow("starts and kills processes"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL"),
]

PROGRAM = """
import sys, time_machine
from datetime import UTC, date, datetime
from cs_sync.cli import main
from cs_sync.runtime.workspace import Workspace
Workspace._sleep = lambda workspace, seconds: None
now = datetime.combine(date.fromisoformat(sys.argv[1]), datetime.now(UTC).time(), UTC)
with time_machine.travel(now, tick=True):
    sys.exit(main(sys.argv[2:]))
"""
ALMOST_ALL_RED = """
[health.bands]
yellow = 90
green = 95
"""
TASKS = "/hubspot/crm/objects/2026-03/tasks"


def killed(acme: Acme, *line: str, after: str, times: int = 1) -> None:
    """Run a command in a process of its own and kill it when so many such events were logged."""
    config = str(acme.path / "cs_sync.toml")
    command = [sys.executable, "-c", PROGRAM, DAY.isoformat(), "--config", config]
    with subprocess.Popen(
        [*command, "--log-format", "json", *line], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for text in process.stderr:
            times -= json.loads(text).get("event") == after
            if times == 0:
                process.kill()
                break
        process.stderr.read()
    assert times == 0
    assert process.returncode != 0


DERIVED = {
    "account_link": "account_id, source, source_id, rule",
    "mrr_span": "account_id, currency, valid_from, valid_to, amount",
}


@pytest.mark.parametrize("pages", [2, 20])
def test_a_killed_sync_ends_with_the_same_rows(fresh: Acme, synced: Path, pages: int) -> None:
    killed(fresh, "sync", after="page_stored", times=pages)
    half = len(fresh.facts())
    assert fresh.run("sync").code == 0
    undisturbed = Acme(synced)
    assert half < len(undisturbed.facts())
    assert fresh.facts() == undisturbed.facts()
    for table, columns in DERIVED.items():
        statement = f"SELECT {columns} FROM {table} ORDER BY {columns}"
        assert fresh.select(statement) == undisturbed.select(statement)
    assert fresh.select("SELECT status FROM run ORDER BY started_at")[0]["status"] == "interrupted"


# ------------------------------------------------------------------ writing back


@pytest.fixture
def red(synced: Path, tmp_path: Path) -> Iterator[Acme]:
    """A portal of its own, and a workspace in which nearly every account calls for a review."""
    with Sandbox(seed=7, today=DAY, accounts=12, limits=False) as box:
        place = acme_in(tmp_path, box)
        place.config += ALMOST_ALL_RED
        place.connect()
        assert place.run("sync").code == 0
        yield place


def tasks(acme: Acme) -> dict[str, dict[str, Any]]:
    """Key → properties of every task of ours in the portal; no key may be there twice."""
    answer = httpx.get(
        f"{acme.url}{TASKS}",
        params={"limit": 100, "properties": "cs_sync_key,hs_task_status,hs_task_subject"},
        headers={"authorization": f"Bearer {keys.HUBSPOT_TOKEN}"},
    )
    actual = answer.raise_for_status().json()["results"]
    ours = [task for task in actual if task["properties"].get("cs_sync_key")]
    by_key = {
        task["properties"]["cs_sync_key"]: {"id": task["id"], **task["properties"]} for task in ours
    }
    subjects = [task["properties"]["hs_task_subject"] for task in actual]
    assert len(by_key) == len(ours)
    assert len(set(subjects)) == len(subjects)
    return by_key


def push(acme: Acme) -> dict[str, Any]:
    ran = acme.run("--format", "json", "push", "--yes")
    assert ran.code == 0, ran
    (row,) = ran.rows
    return dict(row["writes"])


def lose_the_database(acme: Acme) -> None:
    for path in acme.path.glob("cs_sync.db*"):
        path.unlink()
    assert acme.run("sync").code == 0


def test_a_lost_database_makes_no_twin_and_reopens_nothing(red: Acme) -> None:
    first = push(red)
    before = tasks(red)
    assert first["create"] == len(before) > 2
    done = next(iter(before.values()))
    red.edit(action="complete_task", id=done["id"])
    assert push(red)["create"] == 0
    lose_the_database(red)
    again = push(red)
    assert again["create"] == 0
    after = tasks(red)
    assert after.keys() == before.keys()
    assert after[done["cs_sync_key"]]["hs_task_status"] == "COMPLETED"
    push(red)  # a company's next action may change, now that its task is known to be done
    assert push(red) | {"unchanged": 0} == dict.fromkeys(again, 0)


@pytest.mark.parametrize("first", [("stripe",), ("stripe", "posthog", "zendesk"), ("hubspot",)])
@pytest.mark.parametrize("done", ["one", "some", "all"])
def test_records_that_arrive_later_after_a_loss_make_no_twin(
    red: Acme, first: tuple[str, ...], done: str
) -> None:
    """What is due is on record before its company is known, under a key that names none."""
    assert push(red)["create"] > 2
    before = tasks(red)
    for task in [*before.values()][:: {"one": len(before), "some": 2, "all": 1}[done]]:
        red.edit(action="complete_task", id=task["id"])
    statuses = {key: task["hs_task_status"] for key, task in tasks(red).items()}
    for path in red.path.glob("cs_sync.db*"):
        path.unlink()
    only = [word for name in first for word in ("--only", name)]
    assert red.run("sync", *only).code == 0
    push(red)
    assert red.run("sync").code == 0
    for _ in range(2):
        push(red)
        assert {key: task["hs_task_status"] for key, task in tasks(red).items()} == statuses


def test_a_plan_says_what_a_push_would_do(red: Acme) -> None:
    rows = red.json("plan")
    assert {tuple(row) for row in rows} == {
        ("destination", "object", "account", "key", "action", "changes", "reason", "name")
    }
    assert tasks(red) == {}
    creates = {row["key"] for row in rows if row["action"] == "create"}
    writes = push(red)
    assert set(tasks(red)) == creates
    assert writes["update"] == sum(row["action"] == "update" for row in rows)
    assert {row["action"] for row in red.json("plan")} <= {"unchanged", "refused"}


def test_a_first_push_waits_for_yes(red: Acme) -> None:
    ran = red.run("push")
    assert ran.code == 3
    assert "max_change" in ran.messages
    assert "--yes" in ran.messages
    assert tasks(red) == {}


def test_a_lost_answer_makes_no_twin(red: Acme) -> None:
    red.disturb({"path": "tasks/batch/create", "drop": True})
    ran = red.run("--format", "json", "push", "--yes")
    assert ran.code == 3
    writes = ran.rows[0]["writes"]
    assert writes["unknown"] > 0
    before = tasks(red)
    assert len(before) >= writes["unknown"]
    assert push(red)["create"] == 0
    assert tasks(red).keys() == before.keys()


def test_a_killed_push_makes_no_twin(red: Acme) -> None:
    expected = {row["key"] for row in red.json("plan") if row["action"] == "create"}
    killed(red, "push", "--yes", after="write_done")
    push(red)
    assert set(tasks(red)) == expected
    lose_the_database(red)
    assert push(red)["create"] == 0
    assert set(tasks(red)) == expected

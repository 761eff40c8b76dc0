"""A day is computed once, one account is scored alone, reading writes nothing."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.road import Place

ROOT = Path(__file__).parents[2]
BOOKS = {
    "accounts.csv": "source_id,name\na1,One\na2,Two\na3,Three\n",
    "subscriptions.csv": """
        source_id,account,status,started_at,currency
        s1,a1,active,2026-01-05,EUR
        s2,a2,active,2026-01-05,EUR
        s3,a3,active,2026-02-05,EUR
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval,interval_count
        i1,s1,2026-01-05,1000,1,month,1
        i2,s2,2026-01-05,2000,1,month,1
        i3,s3,2026-02-05,500,1,month,1
        """,
    "usage_days.csv": "account,contact,day,events\na1,ann,2026-03-01,5\na2,ben,2026-02-01,1\n",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.configure("""
        [workspace]
        currency = "EUR"
        [connectors.files]
        path = "data"
        """)
    for name, text in BOOKS.items():
        made.write(f"data/{name}", text)
    return made


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each step of the day was called."""
    import cs_sync.jobs.follow_ups
    import cs_sync.queries.day
    import cs_sync.queries.score

    counted: Counter[str] = Counter()

    def count(module: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(module, name)

        def counting(*args: Any, **options: Any) -> Any:
            counted[name] += 1
            return real(*args, **options)

        monkeypatch.setattr(module, name, counting)

    count(cs_sync.jobs.follow_ups, "plan_follow_ups")
    count(cs_sync.queries.day, "read_mrr_at")
    count(cs_sync.queries.score, "build_reasons")
    return counted


@pytest.mark.slow("syncs and runs whole commands")
def test_a_run_decides_the_day_once(place: Place, calls: Counter[str]) -> None:
    assert place.run("run").code == 0
    assert calls == {"plan_follow_ups": 1, "read_mrr_at": 1, "build_reasons": 3}


@pytest.mark.slow("syncs and runs whole commands")
def test_one_account_is_explained_without_scoring_the_others(
    place: Place, calls: Counter[str]
) -> None:
    place.run("sync")
    rows = {row["account"]: row for row in place.json("score")}
    for name, row in rows.items():
        calls.clear()
        [explained] = place.json("explain", name)
        assert calls["build_reasons"] == 1
        assert {key: explained[key] for key in row} == row


@pytest.mark.slow("syncs and runs whole commands")
def test_reading_closes_no_month(place: Place) -> None:
    place.run("sync")
    for line in (["metrics"], ["score"], ["reconcile"], ["explain", "One"], ["runs"]):
        assert place.run(*line).code == 0, line
    assert place.select("SELECT * FROM month_close") == []
    assert [row["command"] for row in place.select("SELECT command FROM run")] == ["sync"]


@pytest.mark.slow("syncs and runs whole commands")
def test_what_is_shown_as_mrr_closes_its_months_as_a_run(place: Place) -> None:
    place.run("sync")
    first = place.json("mrr", "--since", "2026-01-01", "--until", "2026-03-01")
    closed = place.select("SELECT turn FROM month_close ORDER BY turn")
    assert [row["turn"] for row in closed] == ["2026-02-01", "2026-03-01"]
    commands = [row["command"] for row in place.select("SELECT command FROM run ORDER BY id")]
    assert commands == ["sync", "close months"]
    assert place.json("mrr", "--since", "2026-01-01", "--until", "2026-03-01") == first
    assert len(place.select("SELECT * FROM run")) == 2


def test_months_stay_open_while_another_run_is_at_work(place: Place) -> None:
    place.run("sync")
    later = place.now + timedelta(hours=1)
    place.write_row("UPDATE lease SET holder = 'elsewhere:1:r', expires_at = ?", later)
    ran = place.run("--format", "json", "mrr")
    assert ran.code == 0
    assert ran.rows
    assert "no month was closed: another run works on this workspace" in ran.messages
    assert place.select("SELECT * FROM month_close") == []


def test_only_a_run_that_holds_the_lease_writes() -> None:
    """`RunSession.transact` and `LeasedStore.transact` check the lease; a bare store does not."""
    bare = re.compile(r"workspace\.store\.(write|transact)\(")
    rooms = ("jobs", "queries", "sync", "write_back")
    files = [file for room in rooms for file in (ROOT / "cs_sync" / room).rglob("*.py")]
    writers = {file.name for file in files if bare.search(file.read_text(encoding="utf-8"))}
    # The scheduler takes a slot before any run begins; a health check alerts where none is.
    assert writers == {"alert.py", "schedule.py"}


def test_sql_stands_in_the_store_and_in_metrics_and_health_only() -> None:
    statement = re.compile(r"from sqlalchemy import [^\n]*\b(select|insert|update|delete|text)\b")
    raw = re.compile(r"exec_driver_sql|PRAGMA")
    elsewhere = {
        str(file.relative_to(ROOT / "cs_sync"))
        for file in (ROOT / "cs_sync").rglob("*.py")
        if file.relative_to(ROOT / "cs_sync").parts[0]
        not in ("store", "metrics", "health", "testing")
        if statement.search(file.read_text(encoding="utf-8"))
        or raw.search(file.read_text(encoding="utf-8"))
    }
    assert elsewhere == set()

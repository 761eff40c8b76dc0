"""The machine fails: a full disk, a lock, a file that cannot be written, a clock that jumps."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from cs_sync.contracts.errors import StoreError
from cs_sync.runtime.monotonic_clock import make_monotonic
from cs_sync_schemas.times import read_microseconds
from tests.conftest import NOW, Clock
from tests.jobs.road import BOOKS, CONFIG, Place, small_company

pytestmark = pytest.mark.slow("syncs a whole workspace for each fault")

LONG = "account,contact,day,events\n" + "".join(
    f"alpha,person-{number},2026-02-{day:02},1\n" for number in range(150) for day in range(1, 21)
)


ZENDESK = """
    base_url = "http://127.0.0.1:9"
    client_id = "cs-sync"
    client_secret = "canary"
"""

CROWD = BOOKS["contacts.csv"] + "".join(f"person-{n},alpha,,\n" for n in range(150))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = small_company(tmp_path)
    assert made.run("sync").code == 0
    return made


@contextmanager
def every_connection(*pragmas: str) -> Iterator[None]:
    """Set these on every connection that SQLAlchemy opens."""

    def connected(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)


def test_a_full_disk_stops_the_run_and_the_next_one_resumes(place: Place, tmp_path: Path) -> None:
    place.write("data/contacts.csv", CROWD)
    assert place.run("sync").code == 0
    place.write("data/usage_days.csv", LONG)
    (pages,) = place.select("PRAGMA page_count")
    with every_connection(f"max_page_count = {pages['page_count'] + 20}"):
        ran = place.run("sync")
    assert ran.code == 1
    assert "the database refused: database or disk is full" in ran.err
    assert "free space on the disk; what was stored so far is safe" in ran.messages
    assert "Traceback" not in ran.err
    assert place.run("sync").code == 0
    (tmp_path / "fresh").mkdir()
    fresh = small_company(tmp_path / "fresh")
    fresh.write("data/contacts.csv", CROWD)
    fresh.write("data/usage_days.csv", LONG)
    fresh.run("sync")
    living = "SELECT COUNT(*) AS n FROM usage_day WHERE deleted_at IS NULL"
    assert place.select(living) == fresh.select(living) == [{"n": 3000}]


def test_a_locked_database_is_waited_for_and_then_named(place: Place) -> None:
    with closing(sqlite3.connect(place.path / "cs_sync.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with every_connection("busy_timeout = 20"):
            ran = place.run("sync")
        other.execute("ROLLBACK")
    assert ran.code == 1
    assert "database is locked" in ran.err
    assert "another program holds the database" in ran.messages
    assert place.run("sync").code == 0


def test_a_database_that_cannot_be_written_is_named(place: Place) -> None:
    with every_connection("query_only = ON"):
        ran = place.run("sync")
    assert ran.code == 1
    assert "readonly database" in ran.err
    assert "give this user write permission" in ran.messages
    assert place.run("sync").code == 0


def test_a_clock_that_is_put_back_a_little_stands_still(place: Place) -> None:
    (before,) = place.json("runs", "--limit", "1")
    place.now -= timedelta(minutes=30)
    place.write(
        "data/subscriptions.csv", BOOKS["subscriptions.csv"].replace("2025-01-15", "2025-02-15")
    )
    ran = place.run("sync")
    assert ran.code == 0, ran
    (after,) = place.json("runs", "--limit", "1")
    assert after["started_at"] >= before["ended_at"]
    changed = place.select("SELECT MAX(changed_at) AS at FROM subscription")[0]["at"]
    computed = datetime.fromisoformat(before["ended_at"])
    assert read_microseconds(changed) >= computed, "what changed is later than what was computed"
    rows = place.json("mrr", "--since", "2025-01-01", "--until", "2025-02-01", "--by", "account")
    assert "beta" not in {row["account"] for row in rows if row["closing"]}


def test_a_clock_that_is_far_behind_is_refused_and_nothing_is_done(place: Place) -> None:
    kept = place.records()
    place.now -= timedelta(days=400)
    ran = place.run("sync")
    assert ran.code == 1
    assert "this machine's clock says 2025-02-03" in ran.messages
    assert "but the last run was at 2026-03-10" in ran.messages
    assert place.records() == kept
    place.now += timedelta(days=400)
    assert place.run("sync").code == 0


def test_a_year_ends_between_two_runs_and_in_one(place: Place) -> None:
    place.now = datetime.fromisoformat("2026-12-31T22:59:59+00:00")  # midnight in Warsaw is near
    assert place.run("run").code == 0
    assert place.run("run").code == 0
    (bridge,) = place.json("mrr", "--since", "2026-12-01", "--until", "2027-01-01")
    assert bridge["period_end"] == "2027-01-01"
    assert bridge["opening"] == bridge["closing"] > 0


def test_a_steady_clock_never_goes_back(clock: Clock) -> None:
    steadied = make_monotonic(clock, NOW - timedelta(minutes=5))
    assert steadied() == NOW
    clock.advance(hours=-5)
    assert steadied() == NOW
    clock.advance(hours=6)
    assert steadied() == NOW + timedelta(hours=1)
    assert make_monotonic(clock, None)() == clock.now
    with pytest.raises(StoreError, match="nothing was done"):
        make_monotonic(clock, clock.now + timedelta(hours=2))


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such permissions")
def test_the_database_is_for_its_owner_only(place: Place) -> None:
    mode = (place.path / "cs_sync.db").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such permissions")
def test_check_warns_of_secrets_that_others_can_read(place: Place) -> None:
    assert "other users can read" not in place.run("check").err
    config, database = place.path / "cs_sync.toml", place.path / "cs_sync.db"
    config.chmod(0o644)
    assert "other users can read" not in place.run("check").err, "there is no secret in it"
    database.chmod(0o640)
    err = place.run("check").err
    assert f"warning: {database} holds your customers' data, and other users can read it" in err
    assert f"chmod 600 {database}" in err
    assert f"chmod 600 {database}" in place.run("run", "--dry-run").messages
    place.configure(CONFIG + "    [connectors.zendesk]\n" + ZENDESK)
    config.chmod(0o644)
    err = place.run("check").err
    assert f"warning: {config} holds secrets, and other users can read it" in err
    assert "canary" not in err

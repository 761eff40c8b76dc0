"""The rows of a budget in a real PostgreSQL, shared by processes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cs_sync.contracts.errors import ConfigError, StoreError
from cs_sync.store.control.budgets import BudgetRows
from cs_sync.store.control.open import check_control, migrate_control, open_control
from cs_sync.store.engine import Store
from tests.postgres import fresh_database
from tests.workers.pebble_server import Village, serve

HAMMER = """
import sys
from functools import partial
from cs_sync.contracts.http import Limit
from cs_sync.http import VendorHttp
from cs_sync.http.shared_rate_limiter import SharedRateLimiter
from cs_sync.store.control.budgets import BudgetRows
from cs_sync.store.control.open import open_control
control = open_control(sys.argv[1])
make_budget = partial(SharedRateLimiter, BudgetRows(control, "a digest"))
with VendorHttp("pebble", [Limit(40, 2.0)], make_budget=make_budget) as http:
    client = http.at(sys.argv[2], headers={"authorization": "Bearer one"})
    for _ in range(40):
        client.get("/acme/v1/customers")
"""


@pytest.fixture
def control(postgres: str) -> Iterator[Store]:
    with fresh_database(postgres) as url:
        store = open_control(url)
        migrate_control(store)
        yield store
        store.close()


def test_turns_follow_each_other_by_the_databases_clock(control: Store) -> None:
    """By hand: an interval of 10 s and a tolerance of 10 s let two go, and the third in 10 s."""
    rows, other = BudgetRows(control, "a"), BudgetRows(control, "b")
    waits = [rows.take_turn("w", 10.0, 10.0, 100.0) for _ in range(4)]
    assert [taken for taken, _ in waits] == [True] * 4
    assert [seconds for _, seconds in waits] == pytest.approx([0, 0, 10, 20], abs=1)
    assert other.take_turn("w", 10.0, 10.0, 100.0) == (True, 0.0)
    assert rows.take_turn("another", 10.0, 10.0, 100.0) == (True, 0.0)
    taken, seconds = rows.take_turn("w", 10.0, 10.0, 5.0)
    assert not taken
    assert seconds == pytest.approx(30, abs=1)
    assert rows.take_turn("w", 10.0, 10.0, 100.0)[1] == pytest.approx(30, abs=1)


def test_a_closed_window_opens_again_and_never_sooner(control: Store) -> None:
    rows = BudgetRows(control, "a")
    rows.close_window("w", 20.0)
    rows.close_window("w", 5.0)
    assert rows.take_turn("w", 1.0, 0.0, 100.0)[1] == pytest.approx(20, abs=1)


def test_three_processes_keep_one_limit_together(control: Store, tmp_path: Path) -> None:
    """120 requests at 40 in 2 s: the burst of 4, then 16 a second, so over 7 seconds."""
    url = control.engine.url.render_as_string(hide_password=False)
    with serve(Village()) as village:
        village.settle("acme")
        begun = time.monotonic()
        program = tmp_path / "hammer.py"
        program.write_text(HAMMER, encoding="utf-8")
        line = [sys.executable, str(program), url, village.url]
        processes = [subprocess.Popen(line) for _ in range(3)]
        assert [process.wait(120) for process in processes] == [0, 0, 0]
        took = time.monotonic() - begun
        moments = village.arrivals["Bearer one"]
    assert len(moments) == 120
    assert village.count_most(2.0) <= 40
    assert max(moments) - min(moments) > 6
    assert took < 60


def test_another_version_is_refused_with_what_to_do(control: Store) -> None:
    with control.write() as connection:
        connection.exec_driver_sql("UPDATE cs_sync_workers.revision SET number = 99")
    for look in (check_control, migrate_control):
        with pytest.raises(StoreError) as wrong:
            look(control)
        assert str(wrong.value) == (
            "the workers' tables have version 99, and this cs-sync works with 1; nothing was"
            " changed\n  → upgrade cs-sync on this machine, and start its worker again"
        )


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://h/d", "nothing"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="workers share a PostgreSQL, and --database names"):
        open_control(url)

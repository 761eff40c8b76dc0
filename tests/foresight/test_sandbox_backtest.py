"""The sandbox's world: who is about to leave uses less, and the backtest has to find it."""

import sqlite3
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cs_sync_sandbox import Sandbox
from tests.jobs.road import Place

pytestmark = pytest.mark.slow("syncs two years of usage of 400 accounts")
DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("acme"), datetime(2026, 11, 20, 6).astimezone())
    with Sandbox(seed=7, today=DAY, limits=False, usage_days=730) as box:
        made.configure(box.config_toml(made.path / "cs_sync.db"))
        assert made.run("sync").code in (0, 3)
    return made


def judge(place: Place) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["target"], row["subject"]): row for row in place.json("backtest")}


def test_the_model_finds_who_fades_and_finds_nothing_in_shuffled_use(place: Place) -> None:
    actual = judge(place)
    model = actual["churn", "model"]
    assert model["verdict"] == "signal"
    assert model["churned"] >= 30
    assert model["auc_low"] > 0.5
    assert model["skill_low"] > 0
    assert actual["churn", "base_rate"]["verdict"] == "no signal"
    shuffle_use(place.path / "cs_sync.db")
    shuffled = judge(place)
    for subject in ("score", "model", "days_since_use", "best_signal"):
        assert shuffled["churn", subject]["verdict"] == "no signal", subject


def shuffle_use(path: Path) -> None:
    """Give the whole usage of each account to another one."""
    with closing(sqlite3.connect(path)) as connection, connection:
        actual = connection.execute("SELECT DISTINCT account_source_id FROM usage_day ORDER BY 1")
        ids = [row[0] for row in actual]
        others = Random(2).sample(ids, len(ids))
        connection.execute("CREATE TEMP TABLE swap (one PRIMARY KEY, other)")
        connection.executemany("INSERT INTO swap VALUES (?, ?)", zip(ids, others, strict=True))
        connection.execute(
            "UPDATE usage_day SET contact_source_id = NULL, account_source_id ="
            " (SELECT other FROM swap WHERE one = account_source_id)"
        )

"""A short soak of workers with a seed of its own; `make soak-workers` runs the long one."""

import sys

import pytest

from tests.soak.workers import Ask, soak


@pytest.mark.slow("starts PostgreSQL, starts and kills workers")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_workers_lose_double_and_starve_nothing() -> None:
    tally = soak(Ask(workspaces=6, workers=2, kills=2, seed=20261130, away=10))
    assert not tally.bad, "\n".join(tally.lines())
    assert tally.kills == 2
    assert tally.runs >= 6
    assert tally.rows > 90
    assert tally.came_back == 2
    assert tally.asked > 6

"""A short soak with a seed of its own; `make soak` runs the long one."""

import sys

import pytest

from tests.soak.whole import soak


@pytest.mark.slow("starts and kills processes")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_whatever_happens_nothing_is_lost_doubled_or_stuck() -> None:
    tally = soak(runs=60, kills=2, seed=20261120)
    assert not tally.bad, "\n".join(tally.lines())
    assert tally.faults["killed in process"] > 5
    assert tally.faults["killed by SIGKILL"] > 0
    assert tally.faults["connection lost"] > 2
    assert tally.compared > 1000

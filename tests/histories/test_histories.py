"""A short look at the law with seeds of its own; `make histories` looks at many more."""

import pytest

from tests.histories.drawing import KINDS
from tests.histories.law import Tally, try_law

TRACED = ("several intervals", "trial", "coupons", "refund", "cancel", "again", "free month",
          "rebase", "schedule")  # fmt: skip
"""What may happen in a history and leaves a trace of when it did."""


def _try(seed: str, *kinds: str, histories: int) -> Tally:
    tally = Tally()
    try_law(seed, kinds or KINDS, tally, histories)
    assert not tally.wrong, tally.wrong[0]
    return tally


@pytest.mark.slow("syncs histories day by day")
def test_fresh_and_step_by_step_are_the_truth_whatever_happens() -> None:
    tally = _try("all", histories=8)
    assert 0 < tally.untold.total() < tally.figures / 8


@pytest.mark.slow("syncs histories day by day")
def test_where_everything_leaves_a_trace_nothing_else_is_said() -> None:
    tally = _try("short", *TRACED, histories=4)
    assert not tally.untold


@pytest.mark.slow("syncs many histories day by day")
@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_many_histories_of_everything(seed: str) -> None:
    for world in range(2):
        _try(f"{seed} {world}", histories=40)


@pytest.mark.slow("syncs many histories day by day")
@pytest.mark.parametrize(
    "kinds",
    [
        TRACED,
        ("swap", "trial", "cancel", "again", "several intervals"),
        ("seats", "reprice", "trial", "cancel", "several intervals"),
        ("items", "swap", "reprice", "several intervals"),
        ("coupons", "later coupons", "reprice", "seats", "several intervals"),
        ("pause", "free month", "cancel", "again"),
    ],
    ids=lambda kinds: kinds[0],
)
def test_many_histories_of_some_kinds(kinds: tuple[str, ...]) -> None:
    _try("some", *kinds, histories=30)


def test_there_are_kinds_of_everything_that_leaves_a_trace() -> None:
    assert set(TRACED) <= set(KINDS)

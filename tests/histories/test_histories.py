"""A short look at the law with a seed of its own; `make histories` looks at many more."""

from tests.histories.drawing import KINDS
from tests.histories.law import Tally, try_law

HOLD = ("several intervals", "trial", "coupons", "refund", "cancel", "again",
        "free month", "rebase", "schedule")  # fmt: skip
"""What may happen in a history without anything being said that is not true."""


def test_fresh_or_step_by_step_every_month_end_is_what_it_was() -> None:
    tally = Tally()
    try_law("short", HOLD, tally, histories=30)
    assert not tally.wrong, tally.wrong[0]
    assert tally.figures > 1000
    assert not tally.untold, "nothing here is without a trace"


def test_an_item_that_is_replaced_never_counts_beside_its_successor() -> None:
    tally = Tally()
    try_law("swaps", ("swap", "trial", "cancel", "again", "several intervals"), tally, histories=30)
    assert not tally.wrong, tally.wrong[0]


def test_where_no_trace_is_left_only_what_was_before_or_after_is_said() -> None:
    tally = Tally()
    try_law(
        "untold", ("seats", "reprice", "trial", "cancel", "several intervals"), tally, histories=20
    )
    assert not tally.wrong, tally.wrong[0]
    assert 0 < tally.untold.total() < tally.figures / 10


def test_items_that_come_and_go_are_said_one_by_one() -> None:
    """Each item has steps of its own: an untold one of one leaves what is known of the others."""
    tally = Tally()
    try_law("items", ("items", "swap", "reprice", "several intervals"), tally, histories=20)
    assert not tally.wrong, tally.wrong[0]
    assert 0 < tally.untold.total() < tally.figures / 4


def test_there_are_kinds_of_everything_that_holds() -> None:
    assert set(HOLD) <= set(KINDS)

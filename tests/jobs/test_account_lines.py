"""Points of the report's accounts as they are kept: read back as they were, and resolved by all."""

from datetime import date
from fractions import Fraction

import pytest

from cs_sync.metrics.fx import ExchangeRates
from cs_sync.queries.account_lines import (
    AccountLine,
    LineReader,
    find_billed,
    read_cells,
    write_past,
    write_past_point,
    write_today,
)
from cs_sync.queries.past_states import PastState, PastStates
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.report import AccountCells, CountedDetails, HistoryPoint
from cs_sync_schemas.packed import pack_text

DAY = date(2026, 11, 20)
MONEY = MoneyConverter(ExchangeRates([(DAY, "USD", "EUR", Fraction(1, 2))]), DAY, "EUR")
RED = PastState(
    31.5, "red", {"usage": 57.0}, is_billed=True, is_running=True, paid={"EUR": 100, "USD": 50}
)
UNKNOWN = PastState(40.0, "yellow", {"usage": 9.0})
"""An account of which billing knew nothing."""
NOW = HistoryPoint(300, True, 90.0, "green", None, {"usage": 0.0})


UNKNOWN_POINT = HistoryPoint(0, False, 40.0, "yellow", None, {"usage": 9.0})
COUNTED = CountedDetails(3, ["search"], [["export", True]])
CELLS = AccountCells([["Line\nand\ttab", 57]], None, [], [], [], [])


def write(*states: PastState, before: PastState = UNKNOWN) -> AccountLine:
    """Write an account's line with these past months."""
    past = write_past(PastStates(states, DAY), MONEY)
    today = write_today(write_past_point(before, MONEY), NOW, -1.5, COUNTED, CELLS)
    now, counted, _ = today
    return AccountLine(past, now, counted, pack_text(b"\n".join([b"past", b"today", past, *today])))


def test_a_line_is_read_as_it_was() -> None:
    """100 EUR and 50 USD at a half are 125 EUR; a text may have ends of lines in it."""
    past = HistoryPoint(125, True, 31.5, "red", "red", {"usage": 57.0})
    line = write(RED, RED, UNKNOWN, before=RED)
    read = LineReader([False] * 4).read(line)
    assert read.past == (past, past, UNKNOWN_POINT)
    assert (read.before, read.now, read.first_paid, read.change_30d) == (past, NOW, DAY, -1.5)
    assert read.counted == COUNTED
    assert read_cells(line.packed) == CELLS


def test_equal_neighbours_are_written_once_and_each_has_its_day() -> None:
    line = write(UNKNOWN, UNKNOWN)
    assert line.past.split(b"\t")[2] == b""
    assert LineReader([True, False, True]).read(line).past == (HistoryPoint(), UNKNOWN_POINT)


@pytest.mark.parametrize(
    ("state", "billed", "shown"),
    [(UNKNOWN, True, False), (UNKNOWN, False, True), (RED, True, True)],
)
def test_where_billing_knew_anybody_others_were_no_customers(
    state: PastState, billed: bool, shown: bool
) -> None:
    (point,) = LineReader([billed, False]).read(write(state)).past
    assert (point != HistoryPoint()) is shown


def test_billing_of_a_day_is_known_by_one_account() -> None:
    lines = [("a", write(UNKNOWN, UNKNOWN)), ("b", write(UNKNOWN, RED))]
    assert find_billed(iter(lines)) == ([False, True, False], lines)
    known = [("a", write(RED, RED, before=RED)), ("b", write(UNKNOWN, UNKNOWN))]
    assert find_billed(iter(known)) == ([True, True, True], known[:1])
    assert find_billed([]) == ([], [])

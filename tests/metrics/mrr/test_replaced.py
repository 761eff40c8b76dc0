"""An item that was replaced never counts beside its successor, in whatever order it is learnt."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, change, facts, item, line, sub

SWITCH = at(2026, 3, 11, 9)
FEB, MAR, APR = (at(2026, 2), at(2026, 3)), (at(2026, 3), at(2026, 4)), (at(2026, 4), at(2026, 5))
BASIC: dict[str, Any] = {"price": "basic", "product": "basic", "unit_amount": Decimal(2000)}
PRO: dict[str, Any] = {"price": "pro", "product": "pro", "unit_amount": Decimal(5000)}
OLD: dict[str, Any] = {"subscription_item_source_id": "old", **BASIC}
NEW: dict[str, Any] = {"subscription_item_source_id": "new", **PRO}
BILLED = [line("1", FEB, 2000, 1, **OLD), line("2", MAR, 2000, 1, **OLD)]


def shown(source_id: str, since: datetime, seen: datetime, **fields: Any) -> Any:
    """An item as a source shows it that only shows the present."""
    given: dict[str, Any] = {"valid_from": since, "first_seen_at": seen, "is_snapshot": True}
    return item(source_id, **{**given, **fields})


def list_movements(*rows: Any, **switches: Any) -> list[tuple[datetime, str, int, str]]:
    movements = calculate_account_mrr(
        facts(sub(started_at=at(2026, 2)), *rows), MrrPolicy(**switches)
    )
    return [(m.at, m.kind, m.amount, m.cause) for m in movements.movements]


RIGHT = [(at(2026, 2), "new", 2000, "start"), (SWITCH, "expansion", 3000, "plan")]


@pytest.mark.parametrize("netting", ["day", "none"])
def test_a_first_sync_after_the_switch_goes_by_the_successors_start(netting: str) -> None:
    new = shown("new", SWITCH, at(2026, 6), **PRO)
    later = line("3", APR, 5000, 1, **NEW)
    assert list_movements(new, *BILLED, later, switch_netting=netting) == RIGHT


def test_a_yearly_plan_does_not_count_until_its_line_ends() -> None:
    year = (at(2026, 2), at(2027, 2))
    yearly = {"interval": "year", "unit_amount": Decimal(24000)}
    new = shown(
        "new", SWITCH, at(2026, 11), **{**PRO, "unit_amount": Decimal(60000)}, interval="year"
    )
    assert list_movements(new, line("1", year, 24000, 1, **{**OLD, **yearly})) == RIGHT


@pytest.mark.parametrize("missed", [at(2026, 3, 12), at(2026, 3, 31), at(2026, 7)])
def test_what_a_sync_found_missing_ended_before_it(missed: datetime) -> None:
    """Synced before and after; the later, the more invoices have come meanwhile."""
    old = shown("old", at(2026, 2), at(2026, 2, 20), valid_to=missed, **BASIC)
    new = shown("new", SWITCH, missed, **PRO)
    more = [line("3", APR, 5000, 1, **NEW)] if missed > at(2026, 4) else []
    assert list_movements(old, new, *BILLED, *more) == RIGHT


def test_a_proration_or_an_event_tells_when_an_item_was_taken_off_for_good() -> None:
    kept = shown("new", at(2026, 2), at(2026, 2, 20), **PRO)
    extra = shown("old", at(2026, 2), at(2026, 2, 20), valid_to=at(2026, 3, 20), **BASIC)
    both = [*BILLED, line("3", FEB, 5000, 1, **NEW), line("4", MAR, 5000, 1, **NEW)]
    left = [(at(2026, 2), "new", 7000, "start"), (SWITCH, "contraction", 2000, "item")]
    credit = line("c", (SWITCH, at(2026, 4)), -1355, 1, is_proration=True, **OLD)
    items = [{"source_id": "old", "price": "basic", "quantity": "1"},
             {"source_id": "new", "price": "pro", "quantity": "1"}]  # fmt: skip
    renewed = change(at(2026, 3), items=items)
    assert list_movements(kept, extra, *both, credit) == left
    assert list_movements(kept, extra, *both, renewed, change(SWITCH, items=items)) == left
    assert list_movements(kept, extra, *both, change(SWITCH, items=None)) == left


def test_an_items_price_is_raised_at_the_renewal() -> None:
    """A schedule gives the item of the next phase another id: one movement, of the price."""
    dear = {**NEW, "product": "basic"}
    new = shown(
        "new", at(2026, 4) + timedelta(seconds=4), at(2026, 6), **{**PRO, "product": "basic"}
    )
    assert list_movements(new, *BILLED, line("3", APR, 5000, 1, **dear)) == [
        RIGHT[0],
        (at(2026, 4), "expansion", 3000, "price"),
    ]


def test_states_between_two_syncs_are_told_by_changes() -> None:
    """3 seats, for a week 5, then 8: only 3 and 8 were seen."""
    up, more = SWITCH, at(2026, 3, 18)
    seats = [
        shown("old", at(2026, 2), at(2026, 2, 2), quantity=3, valid_to=more, **BASIC),
        shown("old", more, at(2026, 3, 20), quantity=8, **BASIC),
    ]
    was = [{"source_id": "old", "price": "basic", "quantity": n} for n in ("3", "5")]
    changes = [change(up, items=[was[0]]), change(more, items=[was[1]])]
    steps = [(at(2026, 2), "new", 6000, "start"), (up, "expansion", 4000, "quantity"),
             (more, "expansion", 6000, "quantity")]  # fmt: skip
    assert list_movements(*seats, *changes) == steps
    fresh = shown("old", at(2026, 2), at(2026, 3, 20), quantity=8, **BASIC)
    assert list_movements(fresh, *changes) == steps


def test_what_was_seen_later_does_not_undo_what_invoices_prove_of_before() -> None:
    """2 seats, 5 at the first sync, 9 now: the second version hid the first step."""
    two = [line("1", FEB, 4000, 2, **OLD), line("2", MAR, 10000, 5, **OLD)]
    seats = [
        shown("old", at(2026, 2), at(2026, 3, 5), quantity=5, valid_to=SWITCH, **BASIC),
        shown("old", SWITCH, SWITCH, quantity=9, **BASIC),
    ]
    assert [m[2] for m in list_movements(*seats, *two)] == [4000, 6000, 8000]


def test_a_change_that_was_missed_does_not_begin_at_an_older_one() -> None:
    """Told until March; in July syncs go on, the item has 9 seats since May's invoice."""
    months = [
        line(str(n), (at(2026, n), at(2026, n + 1)), 2000 * seats, seats, **OLD)
        for n, seats in ((2, 3), (3, 3), (4, 3), (5, 9), (6, 9))
    ]
    seen = [
        shown("old", at(2026, 2), at(2026, 2, 2), quantity=3, valid_to=at(2026, 7), **BASIC),
        shown("old", at(2026, 7), at(2026, 7), quantity=9, **BASIC),
    ]
    renewal = change(at(2026, 3), items=[{"source_id": "old", "price": "basic", "quantity": "3"}])
    assert [m[:1] + m[2:3] for m in list_movements(*seen, *months, renewal)] == [
        (at(2026, 2), 6000),
        (at(2026, 5), 12000),
    ]


def test_what_a_first_sync_does_not_see_is_gone_by_then() -> None:
    """Billed until April; nothing shows when it went, but on 20 March it is not there."""
    kept = shown("new", at(2026, 2), at(2026, 3, 20), **PRO)
    both = [*BILLED, line("3", FEB, 5000, 1, **NEW), line("4", MAR, 5000, 1, **NEW)]
    assert list_movements(kept, *both)[1:] == [(at(2026, 3, 20), "contraction", 2000, "item")]


def test_an_extra_that_is_prorated_replaced_nothing() -> None:
    extra = {**NEW, "subscription_item_source_id": "extra", "price": "x", "product": "x"}
    extra["unit_amount"] = Decimal(300)
    came = at(2026, 3, 5)
    rows = [
        shown("new", SWITCH, at(2026, 6), **PRO),
        shown("extra", came, at(2026, 6), price="x", product="x", unit_amount=Decimal(300)),
        line("x", (came, at(2026, 4)), 250, 1, is_proration=True, **extra),
    ]
    assert list_movements(*rows, *BILLED) == [
        RIGHT[0],
        (came, "expansion", 300, "item"),
        (SWITCH, "expansion", 3000, "plan"),
    ]


def test_the_successor_of_which_only_a_credit_is_left_ended_the_one_before() -> None:
    """Old, for some days between, then new: between was never billed, only credited."""
    between = {**NEW, "subscription_item_source_id": "between", "price": "b", "product": "b"}
    end = at(2027, 2)
    rows = [
        line("1", (at(2026, 2), end), 2000, 1, **OLD),
        line("b", (SWITCH, end), -700, 1, is_proration=True, **between),
        line("n", (SWITCH, end), 4000, 1, is_proration=True, **NEW),
        shown("new", SWITCH, at(2026, 6), **PRO),
    ]
    assert list_movements(*rows) == RIGHT


def test_a_plan_that_comes_back_did_not_last_beside_the_one_between() -> None:
    """Old, new without a charge for old, and old's product again: one plan at a time."""
    end, back = at(2027, 2), at(2026, 4, 20)
    again = {**OLD, "subscription_item_source_id": "again"}
    rows = [
        line("1", (at(2026, 2), end), 2000, 1, **OLD),
        line("b", (SWITCH, end), -700, 1, is_proration=True, subscription_item_source_id="b"),
        line("n", (SWITCH, end), 4000, 1, is_proration=True, **NEW),
        line("h", (back, end), -500, 1, is_proration=True, subscription_item_source_id="h"),
        line("a", (back, end), 1500, 1, is_proration=True, **again),
        shown("again", back, at(2026, 6), **BASIC),
    ]
    assert list_movements(*rows) == [*RIGHT, (back, "contraction", 3000, "plan")]


def test_a_successor_that_is_first_billed_as_it_changes_is_no_extra() -> None:
    """New came unbilled; three seats of it are prorated later, with a credit of the one before."""
    end = at(2027, 2)
    rows = [
        line("1", (at(2026, 2), end), 2000, 1, **OLD),
        line("c", (SWITCH, end), -4000, 1, is_proration=True, **NEW),
        line("d", (SWITCH, end), 12000, 3, is_proration=True, **NEW),
        shown("new", at(2026, 3), at(2026, 6), quantity=Decimal(3), **PRO),
        line("2", (end, at(2028, 2)), 15000, 3, **NEW),
    ]
    gone = [row for row in rows if row.source_id != "new"]
    assert list_movements(*gone)[:2] == [RIGHT[0], (SWITCH, "expansion", 13000, "plan")]
    assert list_movements(*rows)[1] == (at(2026, 3), "expansion", 3000, "plan")


def test_changes_that_were_missed_between_two_are_not_taken_for_the_first() -> None:
    """Read in March and in May: what became of April's change is not told."""
    items = [{"source_id": "old", "price": "basic", "quantity": n} for n in ("3", "5")]
    first, other = (
        replace(change(day, items=[was]), after=[became], first_seen_at=seen)
        for day, was, became, seen in (
            (at(2026, 3, 3), items[1], items[0], at(2026, 3, 5)),
            (at(2026, 5, 3), items[1], items[0], at(2026, 5, 5)),
        )
    )
    seats = [
        line(str(n), (at(2026, n), at(2026, n + 1)), 2000 * seats, seats, **OLD)
        for n, seats in ((2, 5), (3, 5), (4, 3), (5, 5), (6, 3))
    ]
    now = shown("old", at(2026, 2), at(2026, 6, 5), quantity=3, **BASIC)
    assert [m[0] for m in list_movements(now, *seats, first, other)] == [
        at(2026, 2), at(2026, 3, 3), at(2026, 5), at(2026, 5, 3),
    ]  # fmt: skip


def test_what_is_not_billed_anew_is_gone_by_then() -> None:
    """A free month begins a period of all that is there; the extra is not on its bill."""
    again = (at(2026, 3, 20), at(2026, 4, 20))
    rows = [
        shown("new", at(2026, 2), at(2026, 6), **PRO),
        *BILLED,
        line("3", FEB, 5000, 1, **NEW),
        line("4", MAR, 5000, 1, **NEW),
        line("5", again, 0, 1, **NEW),
    ]
    assert list_movements(*rows)[1:] == [(again[0], "contraction", 2000, "item")]


def test_a_first_sync_dates_a_change_by_an_event_that_does_not_say_what_it_was() -> None:
    """Two seats were billed, three are shown; an event of the 11th says that items changed."""
    now = shown("old", at(2026, 2), at(2026, 3, 25), quantity=3, **BASIC)
    two = [line("1", FEB, 4000, 2, **OLD), line("2", MAR, 4000, 2, **OLD)]
    steps = [(at(2026, 2), "new", 4000, "start"), (SWITCH, "expansion", 2000, "quantity")]
    assert list_movements(now, *two, change(SWITCH, items=None)) == steps
    assert list_movements(now, *two)[1][0] == at(2026, 3, 25)

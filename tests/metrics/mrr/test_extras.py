"""An extra beside a plan: neither takes the other's place, whatever is shown of them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, change, facts, item, line, sub

YEAR = (at(2026, 2), at(2027, 2))
CAME, SWITCH = at(2026, 3, 5), at(2026, 3, 11, 9)
OLD: dict[str, Any] = {"price": "basic", "product": "basic", "unit_amount": Decimal(2000)}
NEW: dict[str, Any] = {"price": "pro", "product": "pro", "unit_amount": Decimal(5000)}
EXTRA: dict[str, Any] = {"price": "x", "product": "x", "unit_amount": Decimal(300)}
STEPS = [
    (at(2026, 2), "new", 2000),
    (CAME, "expansion", 300),
    (SWITCH, "expansion", 3000),
]


def shown(source_id: str, since: datetime, seen: datetime, **fields: Any) -> Any:
    """An item as a source shows it that only shows the present."""
    return item(source_id, valid_from=since, first_seen_at=seen, is_snapshot=True, **fields)


def billed(source_id: str, item_id: str, fields: dict[str, Any], **more: Any) -> Any:
    """A line for an item's whole year."""
    price = int(fields["unit_amount"])
    return line(
        source_id, YEAR, price, 1, subscription_item_source_id=item_id, **{**fields, **more}
    )


def list_movements(*rows: Any) -> list[tuple[datetime, str, int]]:
    movements = calculate_account_mrr(facts(sub(started_at=at(2026, 2)), *rows), MrrPolicy())
    return [(m.at, m.kind, m.amount) for m in movements.movements]


def test_one_that_comes_back_without_a_bill_is_no_successor() -> None:
    """Plan and extra; the extra goes and comes again, then the plan is replaced, all unbilled."""
    gone = (CAME, YEAR[1])
    rows = [
        billed("1", "old", OLD),
        billed("2", "first", EXTRA),
        line("3", gone, -280, 1, subscription_item_source_id="first", is_proration=True, **EXTRA),
        shown("again", at(2026, 3, 8), at(2026, 6), **EXTRA),
        shown("new", SWITCH, at(2026, 6), **NEW),
    ]
    assert list_movements(*rows) == [
        (at(2026, 2), "new", 2300),
        (CAME, "contraction", 300),
        (at(2026, 3, 8), "expansion", 300),
        (SWITCH, "expansion", 3000),
    ]


def test_a_plan_of_which_only_an_event_tells_replaced_the_one_before() -> None:
    """Old, an extra, and a plan between that was never billed and went as the new one came."""
    rows = [
        billed("1", "old", OLD),
        shown("extra", CAME, at(2026, 4), **EXTRA),
        shown("new", SWITCH, at(2026, 4), **NEW),
    ]
    between = {"source_id": "between", "price": "pro", "quantity": "1"}
    extra = {"source_id": "extra", "price": "x", "quantity": "1"}
    assert list_movements(*rows, change(SWITCH, items=[between, extra])) == STEPS


def test_an_extra_of_which_only_a_credit_is_left_replaced_nothing() -> None:
    """Added unbilled and credited as it went, between the plan and its successor or after both."""
    went = at(2026, 4, 20)
    credit = line(
        "3", (went, YEAR[1]), -250, 1, subscription_item_source_id="e", is_proration=True, **EXTRA
    )
    plan = billed("1", "old", OLD)
    assert list_movements(plan, credit, shown("new", SWITCH, at(2026, 6), **NEW)) == [
        STEPS[0],
        STEPS[2],
    ]
    late = shown("new", at(2026, 5), at(2026, 6), **NEW)
    assert list_movements(plan, credit, late) == [STEPS[0], (at(2026, 5), "expansion", 3000)]


def test_what_is_first_read_in_a_bill_was_gone_when_it_was_read() -> None:
    """Nothing is read for weeks; an extra came and went meanwhile, and its line goes on."""
    read = at(2026, 4, 20)
    rows = [
        billed("1", "old", OLD, first_seen_at=at(2026, 3)),
        shown("old", at(2026, 2), at(2026, 3), **OLD),
        line(
            "2", (CAME, YEAR[1]), 270, 1, subscription_item_source_id="extra",
            is_proration=True, first_seen_at=read, **EXTRA,
        ),
    ]  # fmt: skip
    assert list_movements(*rows) == [*STEPS[:2], (read, "contraction", 300)]


def test_one_that_is_seen_beside_the_successor_was_not_replaced_by_it() -> None:
    missed = at(2026, 5)
    rows = [
        billed("1", "old", OLD),
        shown("old", at(2026, 2), at(2026, 3, 7), valid_to=at(2026, 4), **OLD),
        shown("extra", CAME, at(2026, 3, 7), valid_to=missed, **EXTRA),
        shown("new", SWITCH, at(2026, 4), **NEW),
    ]
    assert list_movements(*rows) == [*STEPS, (missed, "contraction", 300)]


def test_as_many_seats_tell_the_successor_from_an_extra() -> None:
    """Nothing is billed: an extra of one seat, then another plan with the twelve of the old one."""
    many = {"quantity": Decimal(12)}
    plan = line("1", YEAR, 24000, 12, subscription_item_source_id="old", **OLD)
    extra = shown("extra", CAME, at(2026, 6), **EXTRA)
    new = shown("new", SWITCH, at(2026, 6), **NEW, **many)
    assert list_movements(plan, extra, new) == [
        (at(2026, 2), "new", 24000), (CAME, "expansion", 300), (SWITCH, "expansion", 36000),
    ]  # fmt: skip
    first = shown("new", SWITCH, at(2026, 6), **NEW)
    assert list_movements(plan, extra, first)[1][:2] == (CAME, "contraction"), (
        "no plan counts twice"
    )


def test_what_a_change_of_the_interval_does_not_bill_is_gone() -> None:
    """Plan and extra for a year; the extra goes unseen, then the plan is billed by the month."""
    yearly: dict[str, Any] = {"interval": "year", "subscription_item_source_id": "old"}
    old = {**OLD, "unit_amount": Decimal(24000)}
    extra = {**EXTRA, "unit_amount": Decimal(3600)}
    monthly = (SWITCH, at(2026, 4, 11, 9))
    rows = [
        line("1", YEAR, 24000, 1, **old, **yearly),
        line("2", YEAR, 3600, 1, **extra, **{**yearly, "subscription_item_source_id": "extra"}),
        line("3", (SWITCH, YEAR[1]), -21600, 1, is_proration=True, **old, **yearly),
        line("4", monthly, 5000, 1, subscription_item_source_id="new", **NEW),
        shown("new", SWITCH, at(2026, 6), **NEW),
    ]
    assert list_movements(*rows) == [(at(2026, 2), "new", 2300), (SWITCH, "expansion", 2700)]

"""Prices in tiers on invoices: a line for each tier, together one charge of the whole quantity."""

from decimal import Decimal
from typing import Any

import pytest

from cs_sync.metrics.mrr.facts import ItemFact, LineFact
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, facts, invoice, item, line, sub

JAN, FEB, MAR = (at(2026, 1), at(2026, 2)), (at(2026, 2), at(2026, 3)), (at(2026, 3), at(2026, 4))
FIRST_FIVE = [
    {"up_to": 5, "unit_amount": "1000", "flat_amount": None},
    {"up_to": None, "unit_amount": "600", "flat_amount": None},
]
"""5 at 10.00, the others at 6.00: 8 come to 68.00, 10 to 80.00."""


def graduated(quantity: int, **fields: Any) -> ItemFact:
    tiers = {"mode": "graduated", "tiers": FIRST_FIVE}
    return item(
        "i", None, quantity, price="p", tiers=tiers, is_snapshot=True,
        changed_at=at(2026, 4), first_seen_at=at(2026, 4), **fields,
    )  # fmt: skip


def tier(bill: str, period: Any, amount: int, quantity: int, **fields: Any) -> LineFact:
    unit = Decimal(amount) / quantity if quantity else None
    name = f"{bill} {abs(amount)} {fields.get('is_proration')} {amount < 0}"
    return line(name, period, amount, quantity, invoice_source_id=bill, unit_amount=unit, **fields)


def months(*rows: Any) -> list[int]:
    """MRR in the middle of January, February and March."""
    spans = calculate_account_mrr(facts(sub(), *rows), MrrPolicy()).spans
    return [
        sum(s.amount for s in spans if s.valid_from <= t and (not s.valid_to or t < s.valid_to))
        for t in (at(2026, 1, 15), at(2026, 2, 15), at(2026, 3, 15))
    ]


BILLS = [invoice("a", at(2026, 1)), invoice("b", at(2026, 2)), invoice("c", at(2026, 3))]


@pytest.mark.parametrize("last", [8, 10])
def test_the_tiers_of_one_invoice_are_one_quantity(last: int) -> None:
    lines = [tier(bill, month, 5000, 5) for bill, month in (("a", JAN), ("b", FEB), ("c", MAR))]
    lines += [tier("a", JAN, 1800, 3), tier("b", FEB, 1800, 3)]
    lines += [tier("c", MAR, (last - 5) * 600, last - 5)]
    assert months(graduated(last), *BILLS, *lines) == [6800, 6800, 6800 if last == 8 else 8000]


def test_a_fixed_fee_of_a_tier_is_no_further_unit() -> None:
    tiers = {
        "mode": "volume",
        "tiers": [
            {"up_to": 5, "unit_amount": "1000", "flat_amount": None},
            {"up_to": None, "unit_amount": "600", "flat_amount": "200"},
        ],
    }
    seen = {"is_snapshot": True, "changed_at": at(2026, 4), "first_seen_at": at(2026, 4)}
    own = item("i", None, 4, price="p", tiers=tiers, **seen)
    lines = [tier(bill, month, 4800, 8) for bill, month in (("a", JAN), ("b", FEB))]
    lines += [tier("a", JAN, 200, 0), tier("b", FEB, 200, 0), tier("c", MAR, 4000, 4)]
    assert months(own, *BILLS, *lines) == [5000, 5000, 4000]


def test_prorations_of_tiers_are_one_change() -> None:
    """From 8 to 10 in the middle of February: 3 of the second tier are credited, 5 charged."""
    rest = (at(2026, 2, 10), at(2026, 3))
    lines = [tier(bill, month, 5000, 5) for bill, month in (("a", JAN), ("b", FEB), ("c", MAR))]
    lines += [tier("a", JAN, 1800, 3), tier("b", FEB, 1800, 3), tier("c", MAR, 3000, 5)]
    lines += [
        tier("c", rest, amount, quantity, is_proration=True)
        for amount, quantity in ((-3393, 5), (-1221, 3), (3392, 5), (2036, 5))
    ]
    assert months(graduated(10), *BILLS, *lines) == [6800, 8000, 8000]


def test_tiers_of_a_price_that_is_not_known_any_more_come_to_what_was_billed() -> None:
    lines = [tier(bill, month, 5000, 5, price="old") for bill, month in (("a", JAN), ("b", FEB))]
    lines += [tier("a", JAN, 1800, 3, price="old"), tier("b", FEB, 1800, 3, price="old")]
    lines += [tier("c", MAR, 5000, 5), tier("c", MAR, 3000, 5)]
    assert months(graduated(10), *BILLS, *lines) == [6800, 6800, 8000]

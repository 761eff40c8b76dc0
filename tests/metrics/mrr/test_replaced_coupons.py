"""A coupon in another's place: never both, also where nothing but bills tells of the first."""

from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, item, line, sub

SECOND = at(2026, 2, 20)
PLAN = item(amount="10000", price="p", is_snapshot=True, first_seen_at=at(2026, 4))
TWENTY = discount("twenty", percent_off=Decimal(20), starts_at=SECOND)
OFF = ((1, "half", 5000), (2, "half", 5000), (3, "twenty", 2000))
LINES = [
    line(f"in{month}", (at(2026, month), at(2026, month + 1)), 10000, 1,
         discount_amount=off, discounts=[{"id": name, "amount": off}])
    for month, name, off in OFF
]  # fmt: skip


def spans(*rows: Any) -> list[tuple[Any, int]]:
    return [
        (s.valid_from, s.amount)
        for s in calculate_account_mrr(facts(sub(), *rows), MrrPolicy()).spans
    ]


def test_who_sees_only_bills_ends_the_first_where_the_second_starts() -> None:
    assert spans(PLAN, TWENTY, *LINES) == [(at(2026, 1), 5000), (SECOND, 8000)]


def test_so_does_who_saw_the_first_but_not_its_end() -> None:
    half = discount("half", percent_off=Decimal(50), starts_at=at(2026, 1), ends_at=at(2027, 1))
    assert spans(PLAN, half, TWENTY, *LINES) == [(at(2026, 1), 5000), (SECOND, 8000)]


def test_two_that_run_side_by_side_for_a_time_both_count() -> None:
    half = discount("half", percent_off=Decimal(50), starts_at=at(2026, 1), ends_at=at(2026, 3))
    assert spans(PLAN, half, TWENTY, *LINES) == [
        (at(2026, 1), 5000), (SECOND, 4000), (at(2026, 3), 8000)
    ]  # fmt: skip

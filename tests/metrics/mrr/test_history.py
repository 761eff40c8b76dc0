"""The past of items whose source only shows the present, rebuilt from invoice lines."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.history import build_item_versions
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, invoice, item, line, sub

JAN, FEB = (at(2026, 1), at(2026, 2)), (at(2026, 2), at(2026, 3))
MAR, APR = (at(2026, 3), at(2026, 4)), (at(2026, 4), at(2026, 5))
NOW: dict[str, Any] = {"price": "p", "changed_at": at(2026, 6)}


def versions(*rows: Any) -> list[tuple[datetime, datetime | None, int, bool]]:
    actual = build_item_versions(facts(sub(), *rows))
    return [(v.valid_from, v.valid_to, int(v.quantity), v.reconstructed) for v in actual]


def test_an_item_that_never_changed_is_proven() -> None:
    lines = [line("1", JAN, 3000, 3), line("2", FEB, 3000, 3)]
    assert versions(item(quantity=3, **NOW), *lines) == [(at(2026, 1), None, 3, False)]


def test_a_proration_line_tells_the_instant_of_a_change() -> None:
    change = at(2026, 2, 11, 14, 30)
    lines = [
        line("1", JAN, 2000, 2),
        line("2", FEB, 2000, 2),
        line("3", (change, at(2026, 3)), -1200, 2, is_proration=True),
        line("4", (change, at(2026, 3)), 3000, 5, is_proration=True),
        line("5", MAR, 5000, 5),
    ]
    assert versions(item(quantity=5, **NOW), *lines) == [
        (at(2026, 1), change, 2, True),
        (change, None, 5, False),
    ]


def test_a_credit_shows_what_was_before_even_without_earlier_invoices() -> None:
    change = at(2026, 2, 11)
    lines = [
        line("3", (change, at(2026, 3)), -1200, 2, is_proration=True),
        line("4", (change, at(2026, 3)), 3000, 5, is_proration=True),
    ]
    assert versions(item(quantity=5, **NOW), *lines) == [
        (at(2026, 1), change, 2, True),
        (change, None, 5, False),
    ]


def test_a_change_without_proration_counts_from_the_period_that_shows_it() -> None:
    lines = [line("1", JAN, 2000, 2), line("2", FEB, 4000, 4)]
    assert versions(item(quantity=4, **NOW), *lines) == [
        (at(2026, 1), at(2026, 2), 2, True),
        (at(2026, 2), None, 4, False),
    ]


def test_a_change_that_is_not_invoiced_yet_counts_from_when_it_was_seen() -> None:
    lines = [line("1", JAN, 2000, 2)]
    assert versions(item(quantity=4, **NOW), *lines) == [
        (at(2026, 1), at(2026, 6), 2, True),
        (at(2026, 6), None, 4, False),
    ]


def test_several_changes_within_one_period() -> None:
    up, down = at(2026, 1, 10), at(2026, 1, 20)
    lines = [
        line("1", JAN, 2000, 2),
        line("2", (up, at(2026, 2)), -1400, 2, is_proration=True),
        line("3", (up, at(2026, 2)), 6300, 9, is_proration=True),
        line("4", (down, at(2026, 2)), -3600, 9, is_proration=True),
        line("5", (down, at(2026, 2)), 1600, 4, is_proration=True),
        line("6", FEB, 4000, 4),
    ]
    assert [(v[0], v[2]) for v in versions(item(quantity=4, **NOW), *lines)] == [
        (at(2026, 1), 2),
        (up, 9),
        (down, 4),
    ]


def test_an_earlier_price_is_known_from_its_own_full_lines() -> None:
    """The old plan was 12.00 a unit; its proration credit carries no unit price."""
    change = at(2026, 2, 11)
    lines = [
        line("1", JAN, 2400, 2, price="old", product="basic", unit_amount=Decimal(1200)),
        line("2", FEB, 2400, 2, price="old", product="basic", unit_amount=Decimal(1200)),
        line("3", (change, at(2026, 3)), -1543, 2, price="old", is_proration=True),
        line("4", (change, at(2026, 3)), 1286, 2, is_proration=True),
    ]
    book = facts(sub(), item(quantity=2, product="pro", **NOW), *lines)
    assert [
        (m.at, m.kind, m.amount, m.cause)
        for m in calculate_account_mrr(book, MrrPolicy()).movements
    ] == [
        (at(2026, 1), "new", 2400, "start"),
        (change, "contraction", 400, "plan"),
    ]


def test_a_price_that_never_ran_a_full_period_is_known_from_its_prorations() -> None:
    """Basic for ten days of a year: only prorations name it, with its price of a whole year."""
    down, up = at(2026, 2, 10), at(2026, 2, 20)
    year = {"interval": "year", "unit_amount": Decimal(12000)}
    basic = {"price": "basic", "interval": "year", "unit_amount": Decimal(6000)}
    end = at(2027, 1)
    lines = [
        line("1", (at(2026, 1), end), 12000, 1, **year),
        line("2", (down, end), -10685, 1, is_proration=True, **year),
        line("3", (down, end), 5342, 1, is_proration=True, **basic),
        line("4", (up, end), -5178, 1, is_proration=True, **basic),
        line("5", (up, end), 10356, 1, is_proration=True, **year),
    ]
    book = facts(sub(), item(amount="12000", interval="year", **NOW), *lines)
    assert [(s.valid_from, s.amount) for s in calculate_account_mrr(book, MrrPolicy()).spans] == [
        (at(2026, 1), 1000),
        (down, 500),
        (up, 1000),
    ]


def test_the_share_of_a_unit_is_not_taken_for_its_price() -> None:
    half = {"price": "odd", "unit_amount": Decimal(300)}
    lines = [
        line("1", JAN, 1000, 1),
        line("2", (at(2026, 1, 16), at(2026, 2)), 600, 2, is_proration=True, **half),
    ]
    book = facts(sub(), item(**NOW), *lines)
    assert [s.amount for s in calculate_account_mrr(book, MrrPolicy()).spans] == [1000]


def test_an_item_that_is_gone_lives_on_in_its_lines() -> None:
    """An add-on taken off before the first sync: billed in January, credited on the 20th."""
    gone = at(2026, 1, 20)
    addon = {"subscription_item_source_id": "addon", "price": "extra"}
    lines = [
        line("1", JAN, 1000, 1),
        line("2", JAN, 500, 1, unit_amount=Decimal(500), **addon),
        line("3", (gone, at(2026, 2)), -194, 1, is_proration=True, **addon),
        line("4", FEB, 1000, 1),
    ]
    result = calculate_account_mrr(facts(sub(), item(**NOW), *lines), MrrPolicy())
    assert [(s.amount, s.valid_to, s.reconstructed) for s in result.spans] == [
        (1500, gone, True),
        (1000, None, False),
    ]
    assert result.movements[-1].cause == "item"


def test_tiers_are_evaluated_at_the_past_quantity() -> None:
    tiers = {"mode": "volume", "tiers": [{"up_to": 5, "unit_amount": 1000},
                                         {"up_to": None, "unit_amount": 800}]}  # fmt: skip
    lines = [line("1", JAN, 5000, 5), line("2", FEB, 8000, 10)]
    book = facts(sub(), item(amount=None, quantity=10, tiers=tiers, **NOW), *lines)
    assert [s.amount for s in calculate_account_mrr(book, MrrPolicy()).spans] == [5000, 8000]


def test_void_trial_and_metered_lines_prove_nothing() -> None:
    trial: dict[str, Any] = {"trial_end": at(2026, 2), "trial_start": at(2026, 1)}
    rows = [
        item(quantity=3, **NOW),
        invoice("void", at(2026, 3), status="void"),
        line("1", JAN, 0, 0),
        line("2", FEB, 3000, 3),
        line("void", MAR, 99000, 99),
        line("3", APR, 5000, 50000, usage_type="metered"),
    ]
    actual = build_item_versions(facts(sub(**trial), *rows))
    [version] = actual
    assert (version.valid_from, version.valid_to) == (at(2026, 1), None)
    assert version.quantity == 3


def test_stated_versions_are_taken_as_they_are() -> None:
    stated = [item(quantity=1, price="p"), item(quantity=2, price="p", valid_from=at(2026, 2))]
    lines = [line("1", JAN, 9000, 9), line("2", FEB, 9000, 9)]
    assert [v[2] for v in versions(*stated, *lines)] == [1, 2]


def test_an_expired_discount_is_known_from_what_invoices_took_off() -> None:
    """20 % for two months, gone from the source since: 8.00, then 10.00."""
    lines = [
        line("1", JAN, 1000, 1, discount_amount=200),
        line("2", FEB, 1000, 1, discount_amount=200),
        line("3", MAR, 1000, 1),
    ]
    result = calculate_account_mrr(facts(sub(), item(**NOW), *lines), MrrPolicy())
    assert [(s.amount, s.valid_from, s.reconstructed) for s in result.spans] == [
        (800, at(2026, 1), True),
        (1000, at(2026, 3), False),
    ]
    assert result.movements[-1].cause == "discount"


def test_what_came_off_a_single_invoice_does_not_lower_mrr() -> None:
    lines = [line("1", JAN, 1000, 1, discount_amount=500), line("2", FEB, 1000, 1)]
    result = calculate_account_mrr(facts(sub(), item(**NOW), *lines), MrrPolicy())
    assert [s.amount for s in result.spans] == [1000]


def test_a_discount_that_the_source_still_shows_is_not_counted_twice() -> None:
    known = discount(percent_off=Decimal(20), duration="repeating", ends_at=at(2026, 3))
    lines = [
        line("1", JAN, 1000, 1, discount_amount=200),
        line("2", FEB, 1000, 1, discount_amount=200),
        line("3", MAR, 1000, 1),
    ]
    result = calculate_account_mrr(facts(sub(), item(**NOW), known, *lines), MrrPolicy())
    assert [s.amount for s in result.spans] == [800, 1000]
    assert not any(s.reconstructed for s in result.spans)


def test_an_item_of_which_none_is_wanted_counts_nothing_from_the_bill_that_says_so() -> None:
    lines = [line("1", JAN, 2000, 2), line("2", FEB, 0, 0), line("3", MAR, 0, 0)]
    assert versions(item(quantity=0, **NOW), *lines) == [
        (at(2026, 1), at(2026, 2), 2, True),
        (at(2026, 2), None, 0, False),
    ]

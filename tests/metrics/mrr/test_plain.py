"""The integer path gives what the exact path gives, or leaves the account to it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from cs_sync.metrics.mrr.account_mrr import calculate_account_mrr
from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.movements import Movement, calculate_exact_mrr
from cs_sync.metrics.mrr.plain import calculate_plain_mrr
from cs_sync.metrics.mrr.policy import PRESETS, MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, item, sub
from tests.metrics.mrr.test_mrr_laws import POLICIES, books

MOMENTS = st.integers(0, 120).map(lambda n: at(2026, 1) + timedelta(hours=7 * n))
DAY_OR_NONE = st.builds(
    lambda zone, netting: MrrPolicy(zone=zone, switch_netting=netting),
    st.sampled_from(["UTC", "America/New_York"]),
    st.sampled_from(["day", "hour", "none"]),
)


def plain_subscription(draw: st.DrawFn, name: str) -> SubscriptionFact:
    start, end = draw(MOMENTS), draw(st.none() | MOMENTS)
    return sub(
        name,
        started_at=start,
        ended_at=end if end is None or end > start else start + timedelta(hours=3),
        status="canceled" if end else draw(st.sampled_from(["active", "past_due"])),
        currency=draw(st.sampled_from(["EUR", "EUR", "JPY"])),
        cancel_reason=draw(st.sampled_from([None, "too_expensive"])),
    )


def plain_items(draw: st.DrawFn, name: str, subscription: str) -> list[ItemFact]:
    return [
        item(
            name,
            draw(st.sampled_from([0, 100, 1_000, 3_333])),
            draw(st.integers(0, 3)),
            subscription_source_id=subscription,
            valid_from=start,
            valid_to=draw(
                st.sampled_from([None, start + timedelta(hours=draw(st.integers(1, 99)))])
            ),
            price=draw(st.sampled_from(["p", "q"])),
            product=draw(st.sampled_from(["seats", "seats", "extra", None])),
            interval=draw(st.sampled_from(["month", "month", "year", "week"])),
            interval_count=draw(st.sampled_from([1, 1, 3])),
        )
        for start in sorted(draw(st.sets(MOMENTS, min_size=1, max_size=3)))
    ]


@st.composite
def plain_books(draw: st.DrawFn) -> BillingFacts:
    rows: list[object] = []
    for n in range(draw(st.sampled_from([1, 1, 2]))):
        rows.append(plain_subscription(draw, f"s{n}"))
        for k in range(draw(st.sampled_from([1, 1, 2]))):
            rows += plain_items(draw, f"i{n}{k}", f"s{n}")
    return facts(*rows)


@given(plain_books(), DAY_OR_NONE)
def test_plain_books_have_the_same_mrr(book: BillingFacts, policy: MrrPolicy) -> None:
    plain = calculate_plain_mrr(book, policy)
    event("plain" if plain is not None else "left to the exact path")
    assert plain in (None, calculate_exact_mrr(book, policy))


@given(books(), POLICIES)
def test_any_book_has_the_same_mrr(book: BillingFacts, policy: MrrPolicy) -> None:
    assert calculate_account_mrr(book, policy) == calculate_exact_mrr(book, policy)


def _seats(quantity: int, start: datetime, **more: object) -> ItemFact:
    return item("i", 1_000, quantity, valid_from=start, subscription_source_id="s", **more)


def test_a_subscription_that_grows_and_ends() -> None:
    """2 seats at 10.00 from January, 3 from February on, cancelled in April."""
    one = sub("s", started_at=at(2026, 1), ended_at=at(2026, 4), status="canceled",
              cancel_reason="unused")  # fmt: skip
    book = facts(one, _seats(2, at(2026, 1)), _seats(3, at(2026, 2)))
    plain = calculate_plain_mrr(book, MrrPolicy())
    assert plain is not None
    assert [(s.valid_from, s.valid_to, s.amount) for s in plain.spans] == [
        (at(2026, 1), at(2026, 2), 2_000),
        (at(2026, 2), at(2026, 4), 3_000),
    ]
    assert plain.movements == (
        Movement("EUR", at(2026, 1), "new", 2_000, "start"),
        Movement("EUR", at(2026, 2), "expansion", 1_000, "quantity"),
        Movement("EUR", at(2026, 4), "churn", 3_000, "end", "unused"),
    )


@pytest.mark.parametrize(
    "rows",
    [
        [sub("s", trial_end=at(2026, 2)), _seats(1, at(2026, 1))],
        [sub("s", collection_paused="void"), _seats(1, at(2026, 1))],
        [sub("s", status="unpaid"), _seats(1, at(2026, 1))],
        [sub("s", status="canceled"), _seats(1, at(2026, 1))],
        [sub("s"), _seats(1, at(2026, 1), usage_type="metered")],
        [sub("s"), _seats(1, at(2026, 1), divide_by=5)],
        [sub("s"), _seats(1, at(2026, 1), is_snapshot=True, valid_to=at(2026, 3))],
        [sub("s"), _seats(1, at(2026, 1)), discount("d", subscription_source_id="s")],
    ],
)
def test_what_is_not_plain_is_left_to_the_exact_path(rows: list[object]) -> None:
    assert calculate_plain_mrr(facts(*rows), MrrPolicy()) is None


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {"default", "profitwell"}))
def test_policies_of_other_tools_are_left_to_it(name: str) -> None:
    book = facts(sub("s", canceled_at=at(2026, 2)), _seats(1, at(2026, 1)))
    policy = MrrPolicy.preset(name)
    assert calculate_plain_mrr(book, policy) is None

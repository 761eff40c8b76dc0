"""Laws of one account's MRR that hold for every book."""

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import BillingFacts, DiscountFact, ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import PRESETS, MrrPolicy
from tests.metrics.mrr.facts_of import at, discount, facts, item, sub

T = TypeVar("T")
MOMENTS = st.integers(0, 240).map(lambda n: at(2026, 1) + timedelta(hours=7 * n))
POLICIES = st.builds(
    lambda name, zone: MrrPolicy.preset(name, zone=zone),
    st.sampled_from(sorted(PRESETS)),
    st.sampled_from(["UTC", "America/New_York"]),
)


def spell(draw: st.DrawFn) -> tuple[datetime, datetime | None]:
    start, end = draw(MOMENTS), draw(st.none() | MOMENTS)
    return start, end if end is None or end > start else start + timedelta(days=1)


@st.composite
def subscriptions(draw: st.DrawFn, source_id: str) -> SubscriptionFact:
    start, end = spell(draw)
    return sub(
        source_id,
        started_at=start,
        ended_at=end,
        status="canceled" if end else draw(st.sampled_from(["active", "past_due", "unpaid"])),
        trial_end=draw(st.none() | MOMENTS),
        currency=draw(st.sampled_from(["EUR", "JPY"])),
        paused_at=at(2026, 2),
        collection_paused=draw(st.sampled_from([None, None, "void", "keep_as_draft"])),
    )


@st.composite
def items(draw: st.DrawFn, source_id: str, subscription: str) -> list[ItemFact]:
    starts = sorted(draw(st.sets(MOMENTS, min_size=1, max_size=3)))
    return [
        item(
            source_id,
            draw(st.integers(0, 5000)),
            draw(st.integers(0, 4)),
            subscription_source_id=subscription,
            valid_from=start,
            interval=draw(st.sampled_from(["day", "week", "month", "year"])),
            interval_count=draw(st.integers(1, 3)),
        )
        for start in starts
    ]


@st.composite
def discounts(draw: st.DrawFn, source_id: str, subscription: str) -> DiscountFact:
    start, end = spell(draw)
    percent = draw(st.none() | st.integers(0, 100))
    return discount(
        source_id,
        subscription_source_id=subscription,
        percent_off=percent,
        amount_off=draw(st.integers(0, 5000)) if percent is None else None,
        duration=draw(st.sampled_from(["once", "repeating", "forever"])),
        starts_at=start,
        ends_at=end,
    )


@st.composite
def books(draw: st.DrawFn) -> BillingFacts:
    rows: list[object] = []
    for n in range(draw(st.integers(1, 3))):
        rows.append(draw(subscriptions(f"s{n}")))
        for k in range(draw(st.integers(1, 2))):
            rows += draw(items(f"i{n}{k}", f"s{n}"))
        if draw(st.booleans()):
            rows.append(draw(discounts(f"d{n}", f"s{n}")))
    return facts(*rows)


@given(books(), POLICIES)
def test_spans_are_positive_disjoint_and_the_sum_of_their_parts(
    book: BillingFacts, policy: MrrPolicy
) -> None:
    spans = calculate_account_mrr(book, policy).spans
    for span in spans:
        assert span.amount > 0 or (policy.free_plan == "customer" and span.amount == 0)
        assert sum(part.amount for part in span.parts) == span.amount
        assert all(part.amount >= 0 for part in span.parts)
        assert span.valid_to is None or span.valid_to > span.valid_from
    for before, other in pairwise(spans):
        if before.currency == other.currency:
            assert before.valid_to is not None
            assert before.valid_to <= other.valid_from


@given(books(), POLICIES)
def test_movements_sum_to_mrr_at_every_moment(book: BillingFacts, policy: MrrPolicy) -> None:
    result = calculate_account_mrr(book, policy)
    signs = {"new": 1, "reactivation": 1, "expansion": 1, "contraction": -1, "churn": -1}
    for moment in {m.at for m in result.movements}:
        for currency in ("EUR", "JPY"):
            moved = sum(
                signs[m.kind] * m.amount
                for m in result.movements
                if m.currency == currency and m.at <= moment
            )
            held = sum(
                s.amount
                for s in result.spans
                if s.currency == currency
                and s.valid_from <= moment
                and (s.valid_to is None or moment < s.valid_to)
            )
            assert moved == held
    assert all(m.amount > 0 for m in result.movements)


@given(books(), POLICIES)
def test_new_comes_first_and_once_and_churn_is_followed_by_return(
    book: BillingFacts, policy: MrrPolicy
) -> None:
    after: dict[str, set[str | None]] = {
        "new": {None},
        "reactivation": {"churn"},
        "expansion": {"new", "reactivation", "expansion", "contraction"},
        "contraction": {"new", "reactivation", "expansion", "contraction"},
        "churn": {"new", "reactivation", "expansion", "contraction"},
    }
    if policy.free_plan == "customer":  # who leaves or joins a free plan moves no MRR
        after["reactivation"] = {"churn", "contraction"}
        after["expansion"].add("churn")
    for currency in ("EUR", "JPY"):
        kinds = [
            m.kind for m in calculate_account_mrr(book, policy).movements if m.currency == currency
        ]
        previous: list[str | None] = [None, *kinds]
        assert all(before in after[kind] for before, kind in zip(previous, kinds, strict=False))


@given(books(), POLICIES, st.integers(0, 1000))
def test_the_order_in_which_rows_arrive_does_not_matter(
    book: BillingFacts, policy: MrrPolicy, seed: int
) -> None:
    mixed = replace(
        book,
        subscriptions=_shuffled(book.subscriptions, seed),
        items=_shuffled(book.items, seed),
        discounts=_shuffled(book.discounts, seed),
    )
    assert calculate_account_mrr(mixed, policy) == calculate_account_mrr(book, policy)


def _shuffled(rows: tuple[T, ...], seed: int) -> tuple[T, ...]:
    return tuple(Random(seed).sample(rows, len(rows)))

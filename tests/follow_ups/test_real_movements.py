"""No restatement and no correction starts a task: playbooks see real movements alone.

Amounts are MRR in euro; `2026-03-10` is the day on which is looked, unless said otherwise.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cs_sync.follow_ups import MovementFact
from cs_sync.follow_ups.mrr_news import Belief, KnownMovement, SourceReads, filter_real_movements

Steps = tuple[tuple[int, int], ...]
"""Day → MRR from that day on; the days count from 1 January 2026."""


def on(day: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


def level(steps: Steps, day: int) -> int:
    return next((amount for since, amount in reversed(steps) if since <= day), 0)


def movements(steps: Steps) -> dict[datetime, MovementFact]:
    """As MRR moved: every step that changes it."""
    actual, before = {}, 0
    for day, amount in steps:
        kind = "expansion" if amount > before else "contraction"
        if amount == 0 or before == 0:
            kind = "churn" if amount == 0 else "new"
        if amount != before:
            actual[on(day)] = MovementFact(on(day), kind, abs(amount - before), "EUR", "price")
        before = amount
    return actual


def known(history: Sequence[tuple[int, Steps]]) -> list[KnownMovement]:
    """Every version of every movement, of beliefs that followed one another on these days."""
    actual: list[KnownMovement] = []
    before: Steps | None = None
    for day, steps in history:
        now = movements(steps)
        kept = {item.fact.at: item.fact for item in actual if item.known_to is None}
        actual = [
            replace(item, known_to=on(day))
            if item.known_to is None and now.get(item.fact.at) != item.fact
            else item
            for item in actual
        ]
        for at, fact in now.items():
            if kept.get(at) != fact:
                age = (at - on(0)).days
                beliefs = [
                    None if before is None else Belief(level(before, d), level(steps, d))
                    for d in (age, day)
                ]
                actual.append(KnownMovement(fact, on(day), None, *beliefs))
        before = steps
    return actual


def losses(history: Sequence[tuple[int, Steps]], looks: SourceReads | None = None) -> list[int]:
    """The days of the contractions that are news after the last belief."""
    looks = looks or SourceReads([on(day) - timedelta(minutes=1) for day, _ in history])
    real = filter_real_movements(known(history), looks)
    return [(fact.at - on(0)).days for fact in real if fact.kind == "contraction"]


JANUARY = ((0, 100),)
CLOSED = {on(31): on(32)}
"""January is over on day 31, and was closed with what was known on day 32."""


def test_a_loss_that_is_seen_at_the_next_look_is_real() -> None:
    assert losses([(5, JANUARY), (10, (*JANUARY, (9, 80)))]) == [9]


def test_a_first_look_takes_what_it_finds() -> None:
    assert losses([(10, (*JANUARY, (9, 80)))]) == [9]


def test_up_and_down_between_two_looks_is_a_loss_all_the_same() -> None:
    assert losses([(5, JANUARY), (10, (*JANUARY, (7, 150), (9, 120)))]) == [9]


def test_a_loss_that_is_learnt_late_is_real_while_its_month_is_open() -> None:
    late = [(5, JANUARY), (20, JANUARY), (25, (*JANUARY, (10, 80)))]
    assert losses(late) == [10]


def test_what_is_learnt_of_a_closed_month_is_a_restatement() -> None:
    late = [(32, JANUARY), (35, (*JANUARY, (30, 80)))]
    starts = [on(32), on(34)]
    assert losses(late, SourceReads(starts)) == [30]
    assert losses(late, SourceReads(starts, CLOSED)) == []
    in_time = [(31, JANUARY), (32, (*JANUARY, (30, 80)))]
    assert losses(in_time, SourceReads(starts, CLOSED)) == [30]


def test_a_past_price_that_was_too_low_makes_no_loss() -> None:
    """100, then 150; it turns out to have been 200 at first."""
    before = ((0, 100), (20, 150))
    assert losses([(19, JANUARY), (21, before), (25, ((0, 200), (20, 150)))]) == []


def test_a_past_price_that_was_too_high_makes_no_loss() -> None:
    """180, 200, 250; the second turns out to have been 150: it has paid 250 since, as before."""
    before = ((0, 180), (10, 200), (20, 250))
    after = ((0, 180), (10, 150), (20, 250))
    assert losses([(21, before), (23, before), (25, after)]) == []


def test_a_loss_whose_instant_or_amount_is_put_right_keeps_its_occasion() -> None:
    first = [(5, JANUARY), (10, (*JANUARY, (9, 80)))]
    assert losses([*first, (12, (*JANUARY, (8, 80)))]) == [9]
    assert losses([*first, (12, (*JANUARY, (9, 60)))]) == [9]
    assert losses([*first, (12, (*JANUARY, (8, 80))), (14, (*JANUARY, (7, 80)))]) == [9]


def test_a_loss_that_was_agreed_beforehand_comes_when_it_comes() -> None:
    planned = [(5, (*JANUARY, (20, 80))), (10, (*JANUARY, (25, 80)))]
    assert losses(planned) == [25]
    sooner = [*planned, (15, (*JANUARY, (14, 80)))]
    assert losses(sooner) == [14]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[int, Steps]], Steps]:
    """What was believed as it happened, day after day; and the same past put right at the end.

    The correction draws other prices for the past, and leaves what is paid since the last step.
    """
    days = sorted(draw(st.sets(st.integers(1, 40), min_size=1, max_size=6)))
    prices = st.integers(10, 200)
    steps: Steps = ((0, draw(prices)), *((day, draw(prices)) for day in days))
    looks = [1, *(day + 1 for day in days), 45]
    beliefs = [(day, tuple(step for step in steps if step[0] < day)) for day in looks]
    wrong = [(day, draw(prices)) for day, _ in steps[:-1]]
    return beliefs, (*wrong, steps[-1])


@given(histories(), st.booleans())
def test_no_correction_of_the_past_begins_a_task(
    drawn: tuple[list[tuple[int, Steps]], Steps], closed: bool
) -> None:
    beliefs, corrected = drawn
    looks = SourceReads(
        [on(day) - timedelta(minutes=1) for day in range(47)], CLOSED if closed else {}
    )
    before = losses(beliefs, looks)
    downs = [day for (_, was), (day, now) in pairwise(beliefs[-1][1]) if now < was]
    assert before == downs, "every real loss is seen"
    after = losses([*beliefs, (46, corrected)], looks)
    assert set(after) <= set(before)


@pytest.mark.parametrize("kind", ["expansion", "reactivation", "new"])
def test_gains_are_held_to_the_same(kind: str) -> None:
    fact: dict[str, Any] = {"kind": kind, "amount": 10, "currency": "EUR", "cause": "price"}
    gain = MovementFact(on(10), **fact)
    looks = SourceReads([on(9), on(12), on(14)])
    for present, real in ((Belief(100, 110), True), (Belief(110, 110), False)):
        version = KnownMovement(gain, on(15), None, Belief(100, 110), present)
        assert bool(filter_real_movements([version], looks)) is real

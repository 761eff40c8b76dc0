"""A falling share of satisfied answers is one occasion, named by the drop's first answer."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.follow_ups import FollowUpDraft, build_follow_up_key
from cs_sync.follow_ups.drops import SlidingShare, Timeline, find_drops
from cs_sync.health.facts import RatingFact
from tests.follow_ups.views import NOW, drafts, rating, resolved, view


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def answers(satisfied: str, *days: float, first: int = 0) -> tuple[RatingFact, ...]:
    """`++-` on these days ago, numbered from `first`."""
    pairs = zip(satisfied, days, strict=True)
    return tuple(rating(first + n, mark == "+", ago(day)) for n, (mark, day) in enumerate(pairs))


BEFORE = answers("+++++", 50, 48, 46, 44, 42)
FELL = BEFORE + answers("+--+-", 20, 15, 12, 10, 5, first=5)


def test_five_of_five_before_and_two_of_five_now_is_a_drop() -> None:
    (draft,) = drafts("csat_drop", view(ratings=FELL))
    assert draft.title == "Call Acme: CSAT down from 100% to 40%"
    assert "last 30 days: 2 of 5; of the 30 days before: 5 of 5." in draft.body
    assert "- Ask what went wrong, and say what changes now." in draft.body
    assert [fact["source_id"] for fact in draft.evidence] == ["6", "7", "9"]
    assert draft.occasion == "zendesk:6"
    assert draft.key == build_follow_up_key("csat_drop", "", "zendesk:6")


def test_the_clock_starts_when_the_share_had_fallen_with_enough_answers() -> None:
    """The fifth answer of the 30 days came 5 days ago; due 3 days later, or 6."""
    (draft,) = drafts("csat_drop", view(ratings=FELL), due_in="6d")
    assert draft.due_at == ago(-1)
    (late,) = drafts("csat_drop", view(ratings=FELL))
    assert late.due_at == datetime(2025, 11, 22, 16, tzinfo=UTC)  # 17 o'clock in Warsaw
    assert "Open since 16 Nov, found today." in late.body


def test_few_answers_on_either_side_tell_nothing() -> None:
    assert drafts("csat_drop", view(ratings=FELL[1:])) == []
    assert drafts("csat_drop", view(ratings=FELL[:-1])) == []
    assert drafts("csat_drop", view(ratings=FELL[1:]), answers=4)
    assert drafts("csat_drop", view()) == []


def test_one_of_five_is_no_drop_and_the_edge_belongs_to_it() -> None:
    first = BEFORE + answers("++++-", 20, 15, 12, 10, 5, first=5)
    assert drafts("csat_drop", view(ratings=first)) == []
    assert drafts("csat_drop", view(ratings=first), fall=0.2)
    assert drafts("csat_drop", view(ratings=first), fall=0.21) == []


def test_always_unhappy_is_no_drop() -> None:
    same = answers("-----" * 2, 50, 48, 46, 44, 42, 20, 15, 12, 10, 5)
    assert drafts("csat_drop", view(ratings=same)) == []


def test_days_and_surveys_can_be_set() -> None:
    assert drafts("csat_drop", view(ratings=FELL), days=60) == []
    mixed = BEFORE + tuple(rating(20 + n, False, ago(n + 1), survey="product") for n in range(5))
    assert drafts("csat_drop", view(ratings=mixed))
    assert drafts("csat_drop", view(ratings=mixed), surveys=["product"]) == []


def test_a_drop_that_only_shows_as_good_answers_grow_old_has_the_same_first_answer() -> None:
    """Ten days ago the good answers of day 45 to 41 still stood beside the bad ones of day 20."""
    seen = answers("++++++++", 45, 44.5, 44, 43.5, 43, 42, 41, 40) + answers(
        "-----", 20, 19, 18, 17, 16, first=8
    )
    names = {d.occasion for day in range(12) for d in _on(ago(day), seen)}
    assert names == {"zendesk:8"}


def _on(now: datetime, seen: tuple[RatingFact, ...]) -> list[FollowUpDraft]:
    return drafts(
        "csat_drop", view(now=now, ratings=tuple(r for r in seen if r.answered_at <= now))
    )


def test_what_goes_on_keeps_its_name_and_the_next_unsatisfied_answer_is_news() -> None:
    late = (*FELL, rating(0, False, ago(22), source="hubspot"))
    (anew,) = drafts("csat_drop", view(ratings=late))
    assert anew.occasion == "hubspot:0"
    (same,) = drafts("csat_drop", view(ratings=late, occasions={"csat_drop": ("zendesk:6",)}))
    assert same.occasion == "zendesk:6"
    assert [fact["source_id"] for fact in same.evidence] == ["0", "6", "7", "9"]


def test_recovery_ends_it_and_silence_does_not() -> None:
    """A month later five of five are satisfied; or nobody answers any more."""
    later = NOW + timedelta(days=31)
    well = FELL + tuple(rating(30 + n, True, NOW + timedelta(days=20 + n)) for n in range(5))
    assert drafts("csat_drop", view(now=later, ratings=well)) == []
    reason = resolved("csat_drop", view(now=later, ratings=well), "zendesk:6")
    assert reason == "5 of the last 5 answers were satisfied"
    assert resolved("csat_drop", view(now=later, ratings=FELL), "zendesk:6") is None
    bad = FELL + tuple(rating(30 + n, False, NOW + timedelta(days=20 + n)) for n in range(5))
    assert resolved("csat_drop", view(now=later, ratings=bad), "zendesk:6") is None
    assert resolved("csat_drop", view(now=later, ratings=well), "zendesk:99") is None


def test_an_answer_that_is_dated_in_the_future_does_not_count_yet() -> None:
    early = (*FELL[:-1], rating(9, False, NOW + timedelta(hours=1)))
    assert drafts("csat_drop", view(ratings=early)) == []


MARKS = st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=40)


@pytest.mark.slow("draws thousands of answers")
@given(MARKS, st.integers(0, 60))
def test_what_comes_later_does_not_rename_the_drops_found_before(
    marks: list[tuple[int, bool]], earlier: int
) -> None:
    seen = [rating(n, good, ago(day)) for n, (day, good) in enumerate(marks)]
    then = ago(earlier)
    known = [item for item in seen if item.answered_at <= then]
    fall = Fraction(1, 4)
    before = list(find_drops(Timeline(known, 30), then, fall, 3))
    after = list(find_drops(Timeline(seen, 30), NOW, fall, 3))
    assert after[: len(before)] == before


@given(MARKS)
def test_shares_are_those_of_a_plain_count(marks: list[tuple[int, bool]]) -> None:
    seen = [rating(n, good, ago(day)) for n, (day, good) in enumerate(marks)]
    line = Timeline(seen, 30)
    for at in (NOW, ago(17)):
        start = at - timedelta(days=30)
        inside = [item for item in seen if start < item.answered_at <= at]
        share = line.recent(at)
        assert (share.satisfied, share.answers) == (sum(o.satisfied for o in inside), len(inside))


@given(st.lists(st.tuples(st.integers(0, 90), st.booleans(), st.integers(0, 4)), max_size=40))
def test_a_sliding_stretch_counts_as_a_plain_one(marks: list[tuple[int, bool, int]]) -> None:
    seen = [rating(n, good, ago(day), person=f"p{who}") for n, (day, good, who) in enumerate(marks)]
    line = Timeline(seen, 30)
    recent, before = SlidingShare(line), SlidingShare(line)
    for at in line.instants(NOW):
        assert recent.move_to(at) == line.recent(at)
        assert before.move_to(at - line.span) == line.before(at)


def test_who_answers_often_counts_once_by_the_latest_answer() -> None:
    """One person was unhappy four times and then satisfied: six of six people, and no drop."""
    again = tuple(rating(20 + n, n == 4, ago(25 - n), person="p9") for n in range(5))
    glad = answers("+++++", 15, 12, 10, 8, 5, first=5)
    assert drafts("csat_drop", view(ratings=BEFORE + again + glad)) == []
    alone = BEFORE + tuple(rating(20 + n, False, ago(10 - n), person="p1") for n in range(8))
    assert drafts("csat_drop", view(ratings=alone)) == []


@pytest.mark.slow("draws thousands of answers")
def test_the_work_grows_with_the_answers_and_not_with_their_square() -> None:
    """20,000 answers, three instants each, four places looked up at each of them."""
    many = [rating(n, n % 1_000 > 300, ago(364 - 364 * n / 20_000)) for n in range(20_000)]
    line = Counting(many, 1)
    assert list(find_drops(line, NOW, Fraction(1, 4), 5))
    assert line.looked <= 3 * 20_000 * 6


class Counting(Timeline):
    """Counts the searches, each of which takes the logarithm of the answers."""

    looked = 0

    def _place(self, at: datetime) -> int:
        self.looked += 1
        return super()._place(at)

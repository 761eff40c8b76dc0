"""What follows from use and the lack of it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.follow_ups.views import NOW, drafts, feature, resolved, step, usage, view

SEEN = date(2025, 11, 21)


@pytest.mark.parametrize(
    ("last", "warned", "leaving"),
    [(8, 0, 0), (7, 1, 0), (-8, 1, 0), (-9, 0, 1), (-20, 0, 1)],
)
def test_the_warning_lasts_from_day_14_to_day_30(last: int, warned: int, leaving: int) -> None:
    """21 November − 14 days is the 7th; − 30 days is 22 October, the 31st − 9."""
    seen = view(usage=usage(last), usage_until=SEEN)
    assert len(drafts("unused_warning", seen)) == warned
    assert len(drafts("likely_leaving", seen)) == leaving


def test_the_warning_grows_with_time_and_stays_one() -> None:
    (early,) = drafts("unused_warning", view(usage=usage(7)))
    assert (early.priority, len(early.evidence)) == ("medium", 1)
    (late,) = drafts("unused_warning", view(usage=usage(7), now=NOW + timedelta(days=7)))
    assert late.key == early.key
    assert late.priority == "high"
    assert [fact["text"] for fact in late.evidence] == ["unused for 14 days", "unused for 21 days"]


def test_a_usage_source_that_fell_silent_makes_nobody_unused() -> None:
    """Nobody at all used it since the 8th, so that is as far as usage was read."""
    assert drafts("unused_warning", view(usage=usage(1), usage_until=date(2025, 11, 8))) == []


def test_those_who_pay_nothing_or_never_used_it_are_not_warned_of() -> None:
    assert drafts("unused_warning", view(usage=usage(1), mrr={})) == []
    assert drafts("unused_warning", view()) == drafts("likely_leaving", view()) == []


def test_use_that_resumed_makes_the_warning_needless() -> None:
    occasion = drafts("unused_warning", view(usage=usage(7)))[0].occasion
    assert resolved("unused_warning", view(usage=usage(7)), occasion) is None
    assert resolved("unused_warning", view(), occasion) is None
    again = resolved("unused_warning", view(usage=usage(20)), occasion)
    assert again == "it was used again on 20 Nov"


def test_a_yellow_account_is_helped_with_what_it_lacks() -> None:
    seen = view(
        features=(feature("export"), feature("reports", recent=0)),
        popular={"reports": 0.8, "export": 0.7, "rare": 0.2},
        steps=(step("connect", done_at=NOW), step("invite"), step("tour", required=False)),
    )
    (draft,) = drafts("knowledge_gap", seen)
    assert "- not done: invite\n- not used: reports, which 80% of accounts use" in draft.body
    assert "connect" not in draft.body
    assert "tour" not in draft.body
    assert drafts("knowledge_gap", view()) == []
    assert resolved("knowledge_gap", view(band="green"), "") == "its health is green now"
    assert resolved("knowledge_gap", view(band="insufficient"), "") is None


def test_a_band_that_nobody_saw_turn_is_no_occasion() -> None:
    """From the first stored score on it may have been yellow, or excellent, for years."""
    gap = {"features": (feature("export"),), "popular": {"reports": 0.8}}
    assert len(drafts("knowledge_gap", view(**gap))) == 1
    assert drafts("knowledge_gap", view(**gap, band_turned=False)) == []
    assert drafts("power_user_expansion", view(band="excellent", band_turned=False)) == []


def test_an_account_is_stuck_on_a_step_that_is_due() -> None:
    due = NOW - timedelta(days=2)
    steps = (step("connect", due_at=due), step("invite", due_at=due))
    (draft,) = drafts("onboarding_step", view(steps=steps))
    assert draft.title == "Help Acme with a step: “connect”"
    assert draft.due_at == datetime(2025, 11, 22, 16, tzinfo=UTC)
    assert "Open since 19 Nov, found today." in draft.body
    assert drafts("onboarding_step", view(steps=(step("x", due_at=NOW + timedelta(1)),))) == []
    old = NOW - timedelta(days=61)
    assert drafts("onboarding_step", view(steps=(step("x", due_at=old),))) == []


def test_a_step_without_a_due_date_is_stuck_after_a_week_without_progress() -> None:
    done = step("connect", done_at=NOW - timedelta(days=7))
    assert len(drafts("onboarding_step", view(steps=(done, step("invite"))))) == 1
    assert drafts("onboarding_step", view(steps=(done, step("invite"))), stuck_after="8d") == []
    assert drafts("onboarding_step", view(steps=(step("invite"),))) == []
    fresh = view(steps=(step("invite"),), created_at=NOW - timedelta(days=8))
    assert len(drafts("onboarding_step", fresh)) == 1


def test_a_step_that_was_done_needs_no_help() -> None:
    occasion = "onboarding: invite"
    seen = view(steps=(step("invite", done_at=NOW),))
    reason = resolved("onboarding_step", seen, occasion)
    assert reason == "the step was done on 21 Nov, 10:00"
    assert resolved("onboarding_step", view(steps=(step("invite"),)), occasion) is None


@pytest.mark.parametrize(
    ("people", "seats", "band", "actual"),
    [(8, 10.0, "green", 1), (7, 10.0, "green", 0), (8, 10.0, "yellow", 0), (1, 1.0, "green", 0),
     (1, None, "excellent", 1)],
)  # fmt: skip
def test_who_grows_and_is_nearly_full_may_buy(
    people: int, seats: float | None, band: str, actual: int
) -> None:
    grown = usage(20, recent=10, earlier=8, people=people)
    assert len(drafts("likely_buyer", view(usage=grown, seats=seats, band=band))) == actual
    steady = usage(20, recent=8, earlier=8, people=people)
    assert drafts("likely_buyer", view(usage=steady, seats=seats, band=band)) == []


def test_a_power_user_is_talked_to_once_per_time_in_the_band() -> None:
    (draft,) = drafts("power_user_expansion", view(band="excellent", band_since=date(2025, 9, 3)))
    assert draft.occasion == "excellent since 2025-09"
    assert drafts("power_user_expansion", view(band="excellent", mrr={})) == []

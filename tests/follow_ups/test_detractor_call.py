"""The urgent call after a low NPS answer."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.follow_ups.views import NOW, answer, at, drafts, view


def test_the_call_is_due_a_day_after_the_answer() -> None:
    (call,) = drafts("detractor_call", view(answers=(answer(3),)))
    assert call.title == "Call Acme: NPS 3 from Ana Lopez"
    assert call.due_at == at(21)
    assert (call.priority, call.kind, call.occasion) == ("high", "call", "hubspot:1")
    assert (call.owner_source, call.owner_source_id) == ("hubspot", "7")
    assert call.body == (
        "No contact person is known: look one up before you call.\n\n"
        "Ana Lopez answered 3 of 10 on 20 Nov, 13:05: “too slow”\n\n"
        "What to say:\n"
        "- Ask what happened, and what would make it a 9.\n"
        "- Thank them for the answer; you call because of it.\n"
        "- Agree on one next step with a date.\n\n"
        "Health: 33.3 (yellow) · MRR: 1,200.00 EUR\n- 3 tickets in the last 30 days"
    )
    assert call.evidence[0]["source_id"] == "1"


def test_what_became_known_late_is_due_the_next_day_and_says_since_when() -> None:
    (call,) = drafts("detractor_call", view(answers=(answer(3, answered_at=at(10)),)))
    assert call.due_at == at(22).replace(hour=16, minute=0)  # 17 o'clock in Warsaw
    assert "\n\nOpen since 10 Nov, found today. Ana Lopez answered 3 of 10 on 10 Nov" in call.body


@pytest.mark.parametrize(("score", "calls"), [(0, 1), (6, 1), (6.5, 0), (7, 0), (10, 0)])
def test_detractors_answered_nought_to_six(score: float, calls: int) -> None:
    assert len(drafts("detractor_call", view(answers=(answer(score),)))) == calls


def test_only_nps_answers_of_the_last_thirty_days() -> None:
    old = answer(1, answered_at=NOW - timedelta(days=30, seconds=1))
    edge = answer(1, answered_at=NOW - timedelta(days=30))
    csat = answer(1, kind="csat")
    assert drafts("detractor_call", view(answers=(old, csat))) == []
    assert len(drafts("detractor_call", view(answers=(edge,)))) == 1
    assert len(drafts("detractor_call", view(answers=(old,)), max_age_days=31)) == 1


def test_an_answer_without_a_name_or_a_comment() -> None:
    (call,) = drafts(
        "detractor_call", view(name=None, answers=(answer(0, person_name=None, comment=None),))
    )
    assert call.title == "Call acme: NPS 0"
    assert "\n\nsomebody answered 0 of 10 on 20 Nov, 13:05, without a comment." in call.body


def test_two_answers_are_two_calls_whatever_was_said() -> None:
    both = view(answers=(answer(3, "1"), answer(3, "2", comment="\x1b[2J<b>bad</b>\n" * 9_000)))
    calls = drafts("detractor_call", both)
    assert {call.occasion for call in calls} == {"hubspot:1", "hubspot:2"}
    assert all(len(call.body) < 1_500 and "\x1b" not in call.body for call in calls)


def test_the_clock_is_the_answer_s_own_in_any_time_zone() -> None:
    moment = datetime(2025, 11, 20, 23, 30, tzinfo=UTC)
    (call,) = drafts("detractor_call", view(answers=(answer(3, answered_at=moment),)), due_in="12h")
    assert call.due_at == moment + timedelta(hours=12)
    assert "21 Nov, 00:30" in call.body

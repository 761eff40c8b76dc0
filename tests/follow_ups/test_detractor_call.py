"""The urgent call after a low NPS answer."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.follow_ups.views import NOW, answer, at, drafts, view


def test_the_call_is_due_a_day_after_the_answer() -> None:
    (call,) = drafts("detractor_call", view(answers=(answer(3),)))
    assert call.title == "Call Ana Lopez at Acme: NPS 3"
    assert call.due_at == at(21)
    assert (call.priority, call.kind, call.occasion) == ("high", "call", "hubspot:1")
    assert (call.owner_source, call.owner_source_id) == ("hubspot", "7")
    assert call.body == (
        "Ana Lopez of Acme answered 3 of 10 on 20 Nov, 13:05: “too slow”\n\n"
        "Call, find out what went wrong and agree on what happens next.\n\n"
        "Health: 33.3 (yellow)\nMRR: 1,200.00 EUR\n- 3 tickets in the last 30 days"
    )
    assert call.evidence[0]["source_id"] == "1"


def test_a_late_sync_makes_a_call_that_is_overdue_and_says_so() -> None:
    (call,) = drafts("detractor_call", view(answers=(answer(3, answered_at=at(10)),)))
    assert call.due_at == at(11) < NOW
    assert call.body.endswith("Already overdue when it was created: it was due on 11 Nov, 13:05.")


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
    assert call.body.startswith("Somebody at acme answered 0 of 10 on 20 Nov, 13:05, without a")


def test_two_answers_are_two_calls_whatever_was_said() -> None:
    both = view(answers=(answer(3, "1"), answer(3, "2", comment="\x1b[2J<b>bad</b>\n" * 9_000)))
    calls = drafts("detractor_call", both)
    assert {call.occasion for call in calls} == {"hubspot:1", "hubspot:2"}
    assert all(len(call.body) < 1_500 and "\x1b" not in call.body for call in calls)


def test_the_clock_is_the_answer_s_own_in_any_time_zone() -> None:
    moment = datetime(2025, 11, 20, 23, 30, tzinfo=UTC)
    (call,) = drafts("detractor_call", view(answers=(answer(3, answered_at=moment),)), due_in="2h")
    assert call.due_at == moment + timedelta(hours=2)
    assert "21 Nov, 00:30" in call.body

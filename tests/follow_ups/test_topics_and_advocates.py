"""Tickets of one topic, and accounts that recommend us."""

from datetime import timedelta

from cs_sync.health.facts import ReferralFact
from tests.follow_ups.views import NOW, at, drafts, ticket, view


def test_three_tickets_of_one_topic_are_a_call_about_it() -> None:
    seen = view(tickets=(ticket("18"), ticket("10"), ticket("12"), ticket("11", topic="billing")))
    (call,) = drafts("topic_call", seen)
    assert call.title == "Call Acme: 3 tickets about integration"
    assert call.occasion == "integration in 2025-11"
    assert call.due_at == at(22).replace(hour=16, minute=0)  # known too late for the 20th
    assert [fact["source_id"] for fact in call.evidence] == ["10", "12", "18"]
    assert "- #10 of 10 Nov, 13:05: “It breaks”" in call.body


def test_two_tickets_or_old_ones_or_none_with_a_topic_are_not() -> None:
    two = (ticket("10"), ticket("12"))
    old = ticket("9", opened_at=NOW - timedelta(days=31))
    assert drafts("topic_call", view(tickets=(*two, old, ticket("13", topic=None)))) == []
    assert len(drafts("topic_call", view(tickets=two), tickets=2)) == 1


def test_another_ticket_is_news_of_the_same_call() -> None:
    three = (ticket("10"), ticket("12"), ticket("13"))
    (first,) = drafts("topic_call", view(tickets=three))
    (later,) = drafts("topic_call", view(tickets=(*three, ticket("19"))))
    assert later.key == first.key
    assert len(later.evidence) == 4


def test_two_referrals_make_an_advocate() -> None:
    first = ReferralFact("files", "1", "Beta", at(3), None)
    two = ReferralFact("files", "2", None, at(9), None)
    assert drafts("advocate_programme", view(referrals=(first,))) == []
    (draft,) = drafts("advocate_programme", view(referrals=(two, first)))
    assert "- somebody on 9 Nov\n- Beta on 3 Nov\n" in draft.body
    (more,) = drafts("advocate_programme", view(referrals=(first, two, first)))
    assert more.key == draft.key

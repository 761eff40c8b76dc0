"""What follows NPS answers: value for passives, requests to promoters, a question after a fall."""

from typing import Any

import pytest

from cs_sync.health.facts import ReferralFact, RunningSubscription
from tests.follow_ups.views import (
    answer,
    at,
    drafts,
    feature,
    invoice,
    step,
    usage,
    view,
)


@pytest.mark.parametrize(
    ("score", "playbook"),
    [(6, "detractor_call"), (7, "passive_value"), (8, "passive_value"), (9, "promoter_referral"),
     (10, "promoter_referral")],
)  # fmt: skip
def test_every_answer_leads_to_its_own_follow_up(score: float, playbook: str) -> None:
    names = ("detractor_call", "passive_value", "promoter_referral", "satisfaction_drop")
    actual = [name for name in names if drafts(name, view(answers=(answer(score),)))]
    assert actual == [playbook]


def test_a_passive_is_shown_the_most_popular_feature_that_they_lack() -> None:
    popular = {"reports": 0.8, "export": 0.6, "rare": 0.1}
    seen = view(answers=(answer(7),), features=(feature("export"),), popular=popular)
    (draft,) = drafts("passive_value", seen)
    assert draft.title == "Help Acme get more: NPS 7 from Ana Lopez"
    assert "tutorial on “reports”, which they do not use yet." in draft.body
    assert (draft.kind, draft.priority, draft.due_at) == ("email", "low", at(25))


def test_a_passive_whose_use_is_unknown_gets_no_invented_gap() -> None:
    (draft,) = drafts("passive_value", view(answers=(answer(7),), popular={"reports": 0.8}))
    assert "tutorial that fits exactly that." in draft.body


def ending() -> RunningSubscription:
    return RunningSubscription("stripe", "s", "active", at(5, month=12), None, None)


@pytest.mark.parametrize(
    "playbook",
    ["promoter_referral", "advocate_programme", "power_user_expansion", "likely_buyer"],
)
@pytest.mark.parametrize(
    "bad",
    [
        {"band": "red"},
        {"invoices": (invoice(),)},
        {"subscriptions": (ending(),)},
        {"answers": (answer(10), answer(4, "2", answered_at=at(1, month=9)))},
        {"occasions": {"detractor_call": ("hubspot:9",)}},
    ],
)
def test_nobody_asks_a_favour_of_who_has_reason_to_complain(
    playbook: str, bad: dict[str, Any]
) -> None:
    """No referral and no larger plan while something is unpaid, red, ending or unanswered."""
    well: dict[str, Any] = {
        "answers": (answer(10),), "seats": 4.0, "band": "green",
        "usage": usage(20, recent=10, earlier=5, people=4),
        "referrals": tuple(ReferralFact("files", n, "Beta", at(3), None) for n in "12"),
    }  # fmt: skip
    if playbook == "power_user_expansion":
        well["band"] = "excellent"
    assert len(drafts(playbook, view(**well))) == 1
    assert drafts(playbook, view(**(well | bad))) == []


def test_who_leaves_is_not_taught_features() -> None:
    gap = {"features": (feature("export"),), "popular": {"reports": 0.8}}
    for playbook, fields in (
        ("knowledge_gap", gap),
        ("passive_value", {"answers": (answer(7),)}),
        ("onboarding_step", {"steps": (step("x", due_at=at(19)),)}),
        ("unused_warning", {"usage": usage(7)}),
    ):
        assert len(drafts(playbook, view(**fields))) == 1, playbook
        assert drafts(playbook, view(**fields, subscriptions=(ending(),))) == [], playbook


def test_an_answer_that_fell_is_asked_about() -> None:
    (draft,) = drafts("satisfaction_drop", view(answers=(answer(7, previous=10),)))
    assert draft.title == "Call Acme: NPS down from 10 to 7"
    assert drafts("satisfaction_drop", view(answers=(answer(8, previous=9),))) == []
    assert drafts("satisfaction_drop", view(answers=(answer(5, previous=10),))) == []
    assert drafts("satisfaction_drop", view(answers=(answer(7),))) == []

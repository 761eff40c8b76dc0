"""What follows NPS answers: value for passives, requests to promoters, a question after a fall."""

import pytest

from tests.follow_ups.views import answer, at, drafts, feature, view


@pytest.mark.parametrize(
    ("score", "playbook"),
    [(6, "detractor_call"), (7, "passive_value"), (8, "passive_value"), (9, "promoter_referral"),
     (10, "promoter_referral")],
)  # fmt: skip
def test_every_answer_leads_to_its_own_follow_up(score: float, playbook: str) -> None:
    names = ("detractor_call", "passive_value", "promoter_referral", "satisfaction_drop")
    found = [name for name in names if drafts(name, view(answers=(answer(score),)))]
    assert found == [playbook]


def test_a_passive_is_shown_the_most_popular_feature_that_they_lack() -> None:
    popular = {"reports": 0.8, "export": 0.6, "rare": 0.1}
    seen = view(answers=(answer(7),), features=(feature("export"),), popular=popular)
    (draft,) = drafts("passive_value", seen)
    assert draft.title == "Show Ana Lopez at Acme more value: NPS 7"
    assert "tutorial on the feature reports." in draft.body
    assert (draft.kind, draft.priority, draft.due_at) == ("email", "low", at(25))


def test_a_passive_whose_use_is_unknown_gets_no_invented_gap() -> None:
    (draft,) = drafts("passive_value", view(answers=(answer(7),), popular={"reports": 0.8}))
    assert "tutorial on a feature that fits what they do." in draft.body


def test_nobody_asks_a_red_account_for_a_referral() -> None:
    assert drafts("promoter_referral", view(band="red", answers=(answer(10),))) == []


def test_an_answer_that_fell_is_asked_about() -> None:
    (draft,) = drafts("satisfaction_drop", view(answers=(answer(7, previous=10),)))
    assert draft.title == "Ask Ana Lopez at Acme what changed: NPS fell from 10 to 7"
    assert drafts("satisfaction_drop", view(answers=(answer(8, previous=9),))) == []
    assert drafts("satisfaction_drop", view(answers=(answer(5, previous=10),))) == []
    assert drafts("satisfaction_drop", view(answers=(answer(7),))) == []

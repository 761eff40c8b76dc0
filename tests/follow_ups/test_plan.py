"""Keys, order and switches of planning, and the laws they keep."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cs_sync.follow_ups import (
    PLAYBOOKS,
    AccountView,
    Playbook,
    PlaybookSettings,
    Proposal,
    build_follow_up_key,
    parse_playbook_name,
    plan_follow_ups,
)
from tests.follow_ups.views import NOW, answer, at, movement, view


def test_the_key_names_the_playbook_and_is_a_digest_of_subject_and_occasion() -> None:
    digest = sha256(b"account_review|acme|red since 2026-03").hexdigest()[:32]
    key = build_follow_up_key("account_review", "acme", "red since 2026-03")
    assert key == f"account_review-{digest}"
    assert parse_playbook_name(key) == "account_review"
    (review,) = plan_follow_ups([view(band="red", subject="hubspot:7")], PLAYBOOKS, {}).drafts
    assert review.key == build_follow_up_key("account_review", "hubspot:7", review.occasion)


def test_the_key_of_an_answer_rests_on_the_answer_alone() -> None:
    (call,) = plan_follow_ups([view(answers=(answer(2),))], PLAYBOOKS, {}).drafts
    assert call.key == build_follow_up_key("detractor_call", "", "hubspot:1")
    (same,) = plan_follow_ups(
        [view(answers=(answer(2),), subject="hubspot:7")], PLAYBOOKS, {}
    ).drafts
    assert same.key == call.key


def test_the_most_urgent_comes_first() -> None:
    busy = view(
        band="red", answers=(answer(2),), movements=(movement(at=at(20, 10), amount=40_000),)
    )
    actual = plan_follow_ups([busy], PLAYBOOKS, {}).drafts
    assert [draft.playbook for draft in actual] == [
        "contraction_contact", "detractor_call", "account_review",
    ]  # fmt: skip


def test_a_playbook_can_be_switched_off() -> None:
    off = {"detractor_call": PLAYBOOKS["detractor_call"].defaults.model_copy(
        update={"enabled": False})}  # fmt: skip
    assert plan_follow_ups([view(answers=(answer(2),))], PLAYBOOKS, off).drafts == []


def test_a_playbook_of_somebody_else_takes_a_few_lines() -> None:
    def idle(view: AccountView, settings: PlaybookSettings) -> Iterator[Proposal]:
        if not view.mrr:
            yield Proposal("no mrr", view.now, f"Ask {view.label}", "")

    own = Playbook("ask", "Ask", "Ask who pays nothing.", idle)
    (draft,) = plan_follow_ups([view(mrr={}), view(id="beta")], {"ask": own}, {}).drafts
    assert (draft.title, draft.priority, draft.kind) == ("Ask Acme", "medium", "todo")
    assert draft.due_at == NOW + timedelta(hours=24)


ANSWERS = st.builds(
    answer,
    st.integers(0, 10),
    st.sampled_from("123"),
    answered_at=st.integers(0, 40).map(lambda days: NOW - timedelta(days=days)),
)
VIEWS = st.builds(
    lambda answers, **fields: view(
        answers=tuple(
            structs.replace(a, source_id=f"{fields['id']}{a.source_id}") for a in answers
        ),
        **fields,
    ),
    id=st.sampled_from("abcd"),
    band=st.sampled_from(["red", "green"]),
    answers=st.lists(ANSWERS, max_size=3).map(tuple),
    movements=st.lists(
        st.builds(
            movement, at=st.integers(1, 20).map(at), currency=st.sampled_from(["EUR", "USD"])
        ),
        max_size=3,
    ).map(tuple),
)


@given(st.lists(VIEWS, max_size=5, unique_by=lambda view: view.id), st.randoms())
def test_one_follow_up_per_key_in_an_order_of_its_own(
    views: list[AccountView], rng: object
) -> None:
    actual = plan_follow_ups(views, PLAYBOOKS, {}).drafts
    assert len({draft.key for draft in actual}) == len(actual)
    assert plan_follow_ups(reversed(views), PLAYBOOKS, {}).drafts == actual
    assert all(draft.owner_source_id and draft.title and draft.evidence for draft in actual)


@given(VIEWS, st.integers(1, 72))
def test_time_alone_makes_nothing_new(first: AccountView, hours: int) -> None:
    later = AccountView(**{name: getattr(first, name) for name in AccountView.__slots__}
                        | {"now": first.now + timedelta(hours=hours)})  # fmt: skip
    before = {draft.key for draft in plan_follow_ups([first], PLAYBOOKS, {}).drafts}
    assert {draft.key for draft in plan_follow_ups([later], PLAYBOOKS, {}).drafts} <= before

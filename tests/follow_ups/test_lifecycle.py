"""What becomes of follow-ups from one day to the next."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cs_sync.follow_ups import (
    PLAYBOOKS,
    AccountView,
    Decision,
    DecisionContext,
    FollowUpDraft,
    OwnerFact,
    Playbook,
    PlaybookSettings,
    StoredFollowUp,
    assign_drafts,
    build_follow_up_key,
    make_decision,
)
from tests.follow_ups.views import NOW, view

DAY = timedelta(days=1)


def draft(account: str = "acme", occasion: str = "1", **fields: Any) -> FollowUpDraft:
    playbook = fields.pop("playbook", "ask")
    given_: dict[str, Any] = {
        "key": build_follow_up_key(playbook, account, occasion), "account_id": account,
        "playbook": playbook, "occasion": occasion, "title": "Ask", "body": "", "kind": "todo",
        "priority": "medium", "due_at": NOW, "owner_source": "hubspot", "owner_source_id": "7",
        "evidence": (), "assignee": "ana@example.com",
    }  # fmt: skip
    return FollowUpDraft(**(given_ | fields))


def kept(
    of: FollowUpDraft, state: Any = "open", ago: timedelta = DAY, **fields: Any
) -> StoredFollowUp:
    made = NOW - ago
    given_: dict[str, Any] = {
        "key": of.key, "account_id": of.account_id, "playbook": of.playbook,
        "occasion": of.occasion, "state": state, "desk": of.assignee, "created_at": made,
        "opened_at": None if state == "waiting" else made, "evidence": of.evidence,
    }  # fmt: skip
    return StoredFollowUp(**(given_ | fields))


def decided(
    drafts: Sequence[FollowUpDraft],
    record: Iterable[StoredFollowUp] = (),
    *,
    cap: int | None = None,
    now: datetime = NOW,
    playbook: Playbook | None = None,
    views: Sequence[AccountView] = (),
    **settings: Any,
) -> Decision:
    chosen = PlaybookSettings.model_validate(settings)
    asked = playbook or Playbook("ask", "Ask", "Ask.", lambda _view, _settings: ())
    return make_decision(
        drafts,
        record,
        {asked.name: asked},
        {view.id: view for view in views},
        DecisionContext(now, "UTC", {asked.name: chosen}, cap),
    )


def opened(decision: Decision) -> list[str]:
    return [d.account_id for d, state in decision.new if state == "open"]


def test_what_is_on_record_never_comes_again() -> None:
    for state in ("open", "done", "resolved", "held_out"):
        assert decided([draft()], [kept(draft(), state)]).new == []


def test_after_a_merge_the_same_occasion_is_the_same_follow_up() -> None:
    """The key was made of the account that beta was before it became acme."""
    before = kept(draft("beta"), account_id="acme")
    assert before.key != draft("acme").key
    assert decided([draft("acme")], [before]).new == []
    assert opened(decided([draft("acme", "2")], [before])) == ["acme"]


def test_a_cool_down_gives_an_account_peace() -> None:
    record = [kept(draft(), "done", ago=10 * DAY)]
    assert decided([draft(occasion="2")], record, cool_down="30d").new == []
    assert opened(decided([draft("beta", "2")], record, cool_down="30d")) == ["beta"]
    late = NOW + 20 * DAY
    assert opened(decided([draft(occasion="2")], record, now=late, cool_down="30d")) == ["acme"]
    ended = [replace(record[0], ended_at=NOW)]
    assert decided([draft(occasion="2")], ended, now=late, cool_down="30d").new == []


def test_of_several_at_once_a_cool_down_lets_one_through() -> None:
    three = [draft(occasion=name) for name in "123"]
    assert len(decided(three).new) == 3
    assert [d.occasion for d, _ in decided(three, cool_down="1d").new] == ["1"]


def test_the_cap_lets_the_most_money_at_risk_go_first() -> None:
    three = [draft("a", at_risk=10.0), draft("b", at_risk=90.0), draft("c", at_risk=50.0)]
    decision = decided(three, cap=2)
    assert {d.account_id: state for d, state in decision.new} == {
        "a": "waiting", "b": "open", "c": "open",
    }  # fmt: skip
    assert decision.waiting == {"ana@example.com": 1}


def test_the_cap_is_each_colleague_s_own_and_counts_what_came_earlier_today() -> None:
    other = draft("b", assignee="bo@example.com")
    today = kept(draft("x"), ago=timedelta(hours=2))
    assert opened(decided([draft("a"), other], [today], cap=1)) == ["b"]
    yesterday = kept(draft("x"), ago=DAY)
    assert opened(decided([draft("a"), other], [yesterday], cap=1)) == ["a", "b"]


def test_the_company_does_not_wait() -> None:
    assert opened(decided([draft("a", at_risk=1.0), draft("")], cap=1)) == ["a", ""]


def test_what_waited_has_its_turn_the_next_day_and_reads_as_of_then() -> None:
    waiting = kept(draft("a"), "waiting")
    today = draft("a", title="Ask again", at_risk=90.0)
    decision = decided([today, draft("b", at_risk=10.0)], [waiting], cap=1)
    assert decision.opened == {waiting.key: today}
    assert {d.account_id: state for d, state in decision.new} == {"b": "waiting"}


def test_what_waited_in_vain_is_given_up() -> None:
    waiting = kept(draft(), "waiting")
    assert decided([], [waiting], views=[view()]).resolved == {
        waiting.key: "it was no longer due when its turn came"
    }
    assert decided([], [waiting]).resolved == {}


def test_news_is_what_has_a_name_that_is_not_known_yet() -> None:
    first = {"id": "ticket 1", "text": "#1"}
    second = {"id": "ticket 2", "text": "#2"}
    score = {"kind": "health_score", "score": "12"}
    record = [kept(draft(evidence=(first,)))]
    assert decided([draft(evidence=(first, second, score))], record).news == {
        record[0].key: (second,)
    }
    done = [kept(draft(evidence=(first,)), "done")]
    assert decided([draft(evidence=(first, second))], done).news == {}


def test_what_became_needless_is_closed_unless_somebody_began_it() -> None:
    review = PLAYBOOKS["account_review"]
    asked = draft(playbook="account_review", occasion="red since 2025-11")

    def reasons(band: str, **fields: Any) -> list[str]:
        record = [kept(asked, **fields)]
        seen = [view(band=band)]
        return list(decided([], record, playbook=review, views=seen).resolved.values())

    assert reasons("yellow") == ["its health is yellow now"]
    assert reasons("insufficient") == reasons("yellow", touched=True) == []
    assert reasons("yellow", state="done") == []
    assert decided([], [kept(asked)], playbook=review).resolved == {}


def test_a_holdout_is_drawn_by_the_account_and_stays() -> None:
    names = [f"account {number}" for number in range(400)]
    first = decided([draft(name) for name in names], holdout=0.25)
    out = {d.account_id for d, state in first.new if state == "held_out"}
    assert 70 <= len(out) <= 130
    second = decided([draft(name, "2") for name in names], holdout=0.25)
    assert {d.account_id for d, state in second.new if state == "held_out"} == out
    more = decided([draft(name) for name in names], holdout=0.5)
    assert out < {d.account_id for d, state in more.new if state == "held_out"}
    assert decided([draft("")], holdout=0.99).new[0][1] == "open"


def test_who_gets_it() -> None:
    owners = {
        ("hubspot", "7"): OwnerFact("Ana@Example.com"),
        ("hubspot", "8"): OwnerFact("left@example.com", is_active=False),
        ("zendesk", "9"): OwnerFact(None),
    }

    def who(source: str | None, owner: str | None, assignee: str | None = None) -> str | None:
        first = draft(owner_source=source, owner_source_id=owner, assignee=assignee)
        return assign_drafts([first], owners, "head@example.com")[0].assignee

    assert who("hubspot", "7") == "ana@example.com"
    assert who("hubspot", "7", "cara@example.com") == "cara@example.com"
    assert who("hubspot", "8") == who(None, None) == who("hubspot", "nobody") == "head@example.com"
    assert who("zendesk", "9") is None


DRAFTS = st.lists(
    st.builds(
        draft,
        st.sampled_from("abcdef"),
        st.sampled_from("12"),
        at_risk=st.floats(0, 100),
        assignee=st.sampled_from(["ana@example.com", "bo@example.com", None]),
    ),
    max_size=12,
    unique_by=lambda d: d.key,
)


@given(DRAFTS, st.integers(1, 4), st.integers(1, 6))
def test_day_after_day_everything_has_its_turn_once(
    drafts: list[FollowUpDraft], cap: int, days: int
) -> None:
    record: dict[str, StoredFollowUp] = {}
    seen: list[str] = []
    for number in range(days):
        now = NOW + number * DAY
        decision = decided(drafts, record.values(), cap=cap, now=now)
        made = {d.key: (d, state) for d, state in decision.new}
        assert not made.keys() & record.keys()
        turns = [key for key, (_, state) in made.items() if state == "open"]
        turns += list(decision.opened)
        seen += turns
        for key, (item, state) in made.items():
            record[key] = kept(item, state, desk=item.assignee or "hubspot:7", opened_at=None)
        for key in turns:
            lead = decision.leads.get(key)
            record[key] = replace(record[key], state="open", opened_at=now, lead=lead)
        desks = [record[key].desk for key in turns if key not in decision.leads]
        assert all(desks.count(desk) <= cap for desk in desks)
        assert sum(decision.waiting.values()) == sum(k.state == "waiting" for k in record.values())
    assert len(seen) == len(set(seen))
    assert len(seen) == len(drafts) or days * cap < len(drafts)


@pytest.mark.parametrize(
    ("first", "other", "ended"),
    [
        ({"written": True, "ago": DAY}, {"ago": 2 * DAY}, "acme"),
        ({"touched": True}, {"written": True}, "acme"),
        ({"state": "done"}, {"written": True}, "acme"),
        ({"ago": 2 * DAY}, {"ago": DAY}, "acme"),
        ({"touched": True}, {"touched": True, "ago": 2 * DAY}, None),
    ],
)
def test_of_one_occasion_that_a_merge_brings_twice_one_follow_up_stays(
    first: dict[str, Any], other: dict[str, Any], ended: str | None
) -> None:
    """Two accounts had the same occasion before they became one."""
    merged = [kept(draft("beta"), account_id="acme", **first), kept(draft("acme"), **other)]
    for record in (merged, merged[::-1]):
        decision = decided([draft("acme")], record)
        assert decision.new == []
        assert list(decision.resolved) == ([draft(ended).key] if ended else [])
    assert set(decision.resolved.values()) <= {"the account has this follow-up already"}

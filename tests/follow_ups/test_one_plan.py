"""One account, one task: what joins it, what it says, and the laws it keeps."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cs_sync.follow_ups import (
    PLAYBOOKS,
    AccountView,
    Decision,
    DecisionContext,
    FollowUpDraft,
    StoredFollowUp,
    make_decision,
    plan_follow_ups,
)
from cs_sync.write_back.tasks import group_tasks
from tests.follow_ups.views import NOW, answer, at, drafts, invoice, person, usage, view

DAY = timedelta(days=1)
SETTINGS = {name: playbook.defaults for name, playbook in PLAYBOOKS.items()}


def planned(*views: AccountView) -> list[FollowUpDraft]:
    return plan_follow_ups(views, PLAYBOOKS, SETTINGS).drafts


def decided(
    views: Sequence[AccountView], record: Sequence[StoredFollowUp] = (), **settings: Any
) -> Decision:
    rules = DecisionContext(views[0].now, "Europe/Warsaw", SETTINGS | settings, daily_cap=10)
    return make_decision(
        planned(*views), record, PLAYBOOKS, {seen.id: seen for seen in views}, rules
    )


def stored(decision: Decision) -> list[StoredFollowUp]:
    return [
        StoredFollowUp(
            d.key, d.account_id, d.playbook, d.occasion, state, "7", NOW,
            NOW if state == "open" else None, evidence=d.evidence,
            lead=decision.leads.get(d.key), point=d.to_point(),
        )
        for d, state in decision.new
    ]  # fmt: skip


BUSY = view(
    people=(person("Ana", role="Head of Sales", recent_days=9), person("Bo", role="Accountant")),
    invoices=(invoice(days=12),),
    answers=(answer(3, person="hubspot:ana"),),
    links={"stripe": "https://pay.example/c/1"},
    titles={"stripe": "Stripe"},
)


def test_the_most_urgent_reason_leads_and_the_others_are_points() -> None:
    decision = decided([BUSY])
    (call, ask) = (d for d, _ in decision.new)
    assert [d.playbook for d in (call, ask)] == ["detractor_call", "unpaid_invoice"]
    assert decision.leads == {ask.key: call.key}
    task = decision.tasks[call.key]
    assert (task["title"], task["priority"]) == ("Call Acme: NPS 3 from Ana Lopez", "high")
    assert task["contact_id"] == "hubspot:ana"
    assert task["body"] == (
        "Speak to: Ana, Head of Sales · NPS 3 on 20 Nov\n\n"
        "Ana Lopez answered 3 of 10 on 20 Nov, 13:05: “too slow”\n\n"
        "What to say:\n"
        "- Ask what happened, and what would make it a 9.\n"
        "- Thank them for the answer; you call because of it.\n"
        "- Agree on one next step with a date.\n\n"
        "While you talk to them:\n"
        "- Open since 16 Nov, found today."
        " Invoice INV-1 of 120.00 EUR was due on 9 Nov and is unpaid."
        " Ask whether the invoice reached the right person.\n\n"
        "Health: 33.3 (yellow) · MRR: 1,200.00 EUR\n- 3 tickets in the last 30 days\n\n"
        "Look at:\n"
        "- Stripe INV-1: https://pay.example/1\n"
        "- Stripe: https://pay.example/c/1"
    )


def test_what_comes_later_joins_the_open_task_and_leads_it_if_it_is_more_urgent() -> None:
    first = decided([replace(BUSY, answers=())])
    (ask,) = stored(first)
    later = decided([BUSY], [ask])
    ((call, state),) = later.new
    assert (state, later.leads, later.joined) == ("open", {call.key: ask.key}, [call.key])
    assert later.tasks[ask.key]["title"] == "Call Acme: NPS 3 from Ana Lopez"
    assert later.tasks[ask.key]["priority"] == "high"


def test_a_cause_that_is_gone_leaves_the_task_to_the_others() -> None:
    record = stored(decided([BUSY]))
    paid = decided([replace(BUSY, invoices=())], record)
    lead, other = record
    assert paid.resolved == {other.key: "nothing is unpaid any more"}
    assert "Invoice INV-1" not in paid.tasks[lead.key]["body"]
    again = decided([replace(BUSY, answers=())], record)
    assert again.resolved == {}, "a detractor stays one until somebody has called"


def test_a_playbook_with_an_assignee_of_its_own_has_a_task_of_its_own() -> None:
    own = SETTINGS["unpaid_invoice"].model_copy(update={"assignee": "finance@acme.example"})
    decision = decided([BUSY], unpaid_invoice=own)
    assert (len(decision.new), decision.leads, decision.tasks) == (2, {}, {})


def test_a_task_speaks_for_all_of_its_follow_ups_until_none_is_open() -> None:
    def rows(*states: str) -> list[dict[str, Any]]:
        return [
            {"key": name, "lead": None if name == "a" else "a", "state": state, "task": None,
             "account_id": "acme"}
            for name, state in zip("abc", states, strict=False)
        ]  # fmt: skip

    (both,) = group_tasks(rows("resolved", "open"))
    assert (both.key, both.is_open, both.is_needless) == ("a", True, False)
    (gone,) = group_tasks(rows("resolved", "resolved"))
    assert (gone.is_open, gone.is_needless) == (False, True)
    (done,) = group_tasks(rows("done", "resolved"))
    assert (done.is_open, done.is_needless) == (False, False)


def test_titles_fit_a_list_whatever_an_account_is_called() -> None:
    long = view(name="The Extraordinarily Verbose Trading Company of Lower Silesia and Sons")
    for score in range(11):
        for name in ("detractor_call", "passive_value", "promoter_referral"):
            for draft in drafts(name, replace(long, answers=(answer(score),))):
                assert len(draft.title) < 60
                assert "The" in draft.title


STATES = st.fixed_dictionaries(
    {
        "answers": st.lists(
            st.builds(answer, st.integers(0, 10), st.sampled_from("123")),
            max_size=2, unique_by=lambda a: a.source_id,
        ).map(tuple),
        "invoices": st.lists(
            st.builds(invoice, st.sampled_from("12"), st.integers(1, 40)),
            max_size=2, unique_by=lambda i: i.source_id,
        ).map(tuple),
        "band": st.sampled_from(["red", "yellow", "green"]),
        "usage": st.sampled_from([None, usage(20), usage(5), usage(-20)]),
    }
)  # fmt: skip


@pytest.mark.slow("draws many days")
@given(st.lists(STATES, min_size=1, max_size=5), st.sets(st.integers(0, 4)))
def test_day_after_day_an_account_has_one_open_task_and_nothing_is_lost(
    days: list[dict[str, Any]], done_on: set[int]
) -> None:
    record: dict[str, StoredFollowUp] = {}
    for number, fields in enumerate(days):
        now = NOW + number * DAY
        seen = view(**fields, now=now)
        decision = decided([seen], list(record.values()))
        for item in stored(decision):
            assert item.key not in record, "one occasion is one follow-up"
            record[item.key] = item
        for key in decision.resolved:
            record[key] = structs.replace(record[key], state="resolved", ended_at=now)
        open_now = [entry for entry in record.values() if entry.state == "open"]
        assert len({entry.task_key for entry in open_now}) <= 1
        assert not [entry for entry in record.values() if entry.state == "waiting"]
        by_task = defaultdict(list)
        for entry in record.values():
            by_task[entry.task_key].append(entry)
        assert all(key in record for key in by_task), "who leads is on record"
        for key in decision.tasks:
            points = [entry.point for entry in by_task[key] if entry.state == "open"]
            assert points
            why = " ".join(decision.tasks[key]["body"].split())
            for point in points:
                assert point is not None
                assert " ".join(point.why.split()) in why, "a task says all it stands for"
        assert all(d.due_at >= now for d, _ in decision.new), "nothing is born overdue"
        if number in done_on:
            for entry in open_now:
                record[entry.key] = structs.replace(entry, state="done", ended_at=now)


def test_the_one_to_speak_to_is_found_by_the_reason() -> None:
    people = (
        person("Ana", role="Head of Sales"),
        person("Bo", role="Accountant", recent_days=2),
        person("Cy", role="Analyst", recent_days=9, last_day=at(20).date()),
    )

    def whom(playbook: str, **fields: Any) -> str | None:
        (draft,) = drafts(playbook, view(people=people, **fields))
        return draft.contact_id

    assert whom("unpaid_invoice", invoices=(invoice(),)) == "hubspot:bo"
    assert whom("account_review", band="red") == "hubspot:ana"
    assert whom("unused_warning", usage=usage(7)) == "hubspot:cy"
    assert whom("detractor_call", answers=(answer(2, person="hubspot:bo"),)) == "hubspot:bo"
    assert whom("detractor_call", answers=(answer(2, person="zendesk:9"),)) == "hubspot:cy"

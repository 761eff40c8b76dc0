"""A follow-up has no twin: over records that arrive late, merges, and databases that are lost.

The rooms that compute are driven as a run drives them: who is who, what is due, what is on record,
what is taken over, what the CRM is told. The CRM alone is never lost.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cs_sync.contracts.destination import OpenFollowUp
from cs_sync.follow_ups import (
    COMPANY,
    PLAYBOOKS,
    DecisionContext,
    StoredFollowUp,
    build_follow_up_key,
    make_decision,
    map_current_keys,
    map_successors,
    plan_follow_ups,
)
from cs_sync.identity import (
    AccountFact,
    AliasFact,
    Answer,
    IdentityFacts,
    KnownIdentity,
    RecordRef,
    Resolution,
    resolve_identities,
)
from cs_sync.write_back.desired_state import DestinationIndex
from cs_sync.write_back.open_follow_ups import match_open_follow_ups
from cs_sync.write_back.tasks import SharedTask, group_tasks
from tests.follow_ups.views import answer, view
from tests.identity.test_resolve import remembered

NOW = datetime(2025, 11, 21, 9, 0, tzinfo=UTC)
WATCHED = {name: PLAYBOOKS[name] for name in ("detractor_call", "account_review")}
STEPS = (
    *("customer", "company", "own id", "helpdesk", "merge", "lose", "close"),
    *("second company", "second gone", "link", "undo"),
)


@dataclass
class Portal:
    """One customer's records, what cs-sync stores of it, and the tasks in the CRM."""

    records: dict[RecordRef, AccountFact] = field(default_factory=dict)
    aliases: list[AliasFact] = field(default_factory=list)
    linked: bool = False
    """A person says that the customer is the first company."""
    past: dict[RecordRef, set[str]] = field(default_factory=dict)
    """Record → every account that it was in, as far as we know."""
    known: KnownIdentity = field(default_factory=KnownIdentity)
    kept: dict[str, StoredFollowUp] = field(default_factory=dict)
    tasks: dict[str, list[str]] = field(default_factory=dict)
    """Key → record and state; the CRM keeps them, whatever we lose."""
    crm: DestinationIndex = field(default_factory=lambda: DestinationIndex("hubspot"))
    written: set[str] = field(default_factory=set)
    """Our ledger: the keys of tasks that were written."""
    day: int = 0
    band_since: date = date(2025, 11, 1)

    def arrive(self, source: str, source_id: str) -> None:
        fact = AccountFact(RecordRef(source, source_id), domain="acme.com", email="a@acme.com")
        self.records.setdefault(fact.ref, fact)

    def learn_own_id(self) -> None:
        for ref, fact in self.records.items():
            self.records[ref] = replace(fact, external_key="acme-42")

    def merge(self) -> None:
        """People merge the company into another one; its tasks move along."""
        old = [ref for ref in self.records if ref.source == "hubspot"]
        if not old or self.aliases:
            return
        fact = self.records.pop(old[0])
        self.records[RecordRef("hubspot", "200")] = replace(fact, ref=RecordRef("hubspot", "200"))
        self.aliases.append(AliasFact(old[0], "source_account", "200"))
        for task in self.tasks.values():
            task[0] = "200"

    def remove(self, source_id: str) -> None:
        """A company is deleted, by somebody who saw that it was there twice."""
        ref = RecordRef("hubspot", source_id)
        if ref in self.records:
            self.records[ref] = replace(self.records[ref], deleted=True)

    def lose(self) -> None:
        self.known, self.kept, self.past = KnownIdentity(), {}, {}
        self.written = set()
        self.band_since = (NOW + timedelta(days=self.day)).date()

    def close(self) -> None:
        """Somebody completes every task."""
        for task in self.tasks.values():
            task[1] = "done"
        for key, item in self.kept.items():
            if item.task_key in self.written and item.state == "open":
                self.kept[key] = replace(item, state="done")

    def run(self) -> None:
        self.day += 1
        now = NOW + timedelta(days=self.day)
        company = "200" if self.aliases else "100"
        refs = (RecordRef("hubspot", company), RecordRef("stripe", "cus_1"))
        answers = [Answer(1, "link", refs)] if self.linked else []
        facts = IdentityFacts([*self.records.values()], aliases=self.aliases, answers=answers)
        actual = resolve_identities(facts, self.known)
        self.known = remembered(actual, self.known, self.day)
        companies: dict[str, list[str]] = {}
        for link in actual.account_links:
            fact = self.records.get(link.ref)
            if link.ref.source == "hubspot" and fact and not fact.deleted:
                companies.setdefault(link.target, []).append(link.ref.source_id)
        crm = DestinationIndex(
            "hubspot", {a: [(r, "") for r in records] for a, records in companies.items()}
        )
        customers = {k.target for k in actual.account_links if k.ref.source == "stripe"}
        subjects = {a: f"hubspot:{r[0]}" for a, r in companies.items() if len(r) == 1}
        views = [
            view(id=name, now=now, band="red", answers=(answer(2),), band_since=self.band_since,
                 subject=subjects.get(name, ""))
            for name in sorted(customers)
        ]  # fmt: skip
        drafts = plan_follow_ups(views, WATCHED, {}).drafts
        stored = self.follow_records(actual, customers, subjects)
        self.rename(map_current_keys(drafts, stored, subjects))
        decision = make_decision(
            drafts,
            self.follow_records(actual, customers, subjects),
            WATCHED,
            {v.id: v for v in views},
            DecisionContext(
                now, "UTC", {name: playbook.defaults for name, playbook in WATCHED.items()}
            ),
        )
        for draft, _ in decision.new:
            self.kept[draft.key] = StoredFollowUp(
                draft.key, draft.account_id, draft.playbook, draft.occasion, "open", "", now, now,
                lead=decision.leads.get(draft.key), point=draft.to_point(),
            )  # fmt: skip
        for key in decision.resolved:
            self.kept[key] = replace(self.kept[key], state="resolved", ended_at=now)
        for task in self.group():
            if task.key in self.written and task.is_needless and task.key in self.tasks:
                self.tasks[task.key][1] = "done"
        self.write(crm)

    def rename(self, keys: dict[str, str]) -> None:
        """Give follow-ups new keys, also where others name them as their task."""
        self.kept = {
            keys.get(key, key): replace(
                item, key=keys.get(key, key), lead=keys.get(item.lead or "", item.lead)
            )
            for key, item in self.kept.items()
        }

    def follow_records(
        self, actual: Resolution, customers: set[str], subjects: dict[str, str]
    ) -> list[StoredFollowUp]:
        """The follow-ups on record, each at the account that continues it."""
        for item in [*self.kept.values()]:
            at = actual.merged_accounts.get(item.account_id, item.account_id)
            self.kept[item.key] = replace(
                item, account_id=at, written=item.task_key in self.written
            )
        parted: dict[str, set[str]] = {}
        for link in actual.account_links:
            for earlier in self.past.setdefault(link.ref, set()):
                account = actual.merged_accounts.get(earlier, earlier)
                if account != link.target:
                    parted.setdefault(account, set()).add(link.target)
            self.past[link.ref].add(link.target)
        successors = map_successors(parted, customers, subjects)
        return [
            replace(item, account_id=successors.get(item.account_id, item.account_id))
            for item in self.kept.values()
        ]

    def write(self, crm: DestinationIndex) -> None:
        self.crm = crm
        new = [task for task in self.group() if task.is_open and task.key not in self.written]
        existing = [OpenFollowUp(key, "1", record)
                 for key, (record, state) in self.tasks.items() if state == "open"]  # fmt: skip
        taken = match_open_follow_ups(new, existing, set(self.kept), crm)
        for old, values in taken.items():
            changed = replace(self.kept.pop(old), **values)
            self.kept[changed.key] = changed
        for task in self.group():
            record, _ = crm.find_record(task.first["account_id"])
            if task.is_open and record and task.key not in self.written:
                self.written.add(task.key)
                if task.key not in self.tasks:  # HubSpot refuses a second task of one key
                    self.tasks[task.key] = [record, "open"]

    def group(self) -> list[SharedTask]:
        return group_tasks(
            {"key": k.key, "account_id": k.account_id, "playbook": k.playbook, "state": k.state,
             "lead": k.lead}
            for k in self.kept.values()
        )  # fmt: skip


@given(st.lists(st.sampled_from(STEPS), min_size=2, max_size=10))
def test_no_follow_up_has_a_twin(steps: list[str]) -> None:
    portal = Portal()
    acts: dict[str, Callable[[], None]] = {
        "customer": lambda: portal.arrive("stripe", "cus_1"),
        "company": lambda: portal.arrive("hubspot", "100" if not portal.aliases else "200"),
        "helpdesk": lambda: portal.arrive("zendesk", "9"),
        "own id": portal.learn_own_id,
        "merge": portal.merge,
        "lose": portal.lose,
        "close": portal.close,
        "second company": lambda: portal.arrive("hubspot", "300"),
        "second gone": lambda: portal.remove("300"),
        "link": lambda: setattr(portal, "linked", True),
        "undo": lambda: setattr(portal, "linked", False),
    }
    for step in steps:
        acts[step]()
        portal.run()
        open_now = Counter(record for record, state in portal.tasks.values() if state == "open")
        assert not open_now or max(open_now.values()) == 1, "one account has one open task"
        lost = [item for item in portal.kept.values()
                if item.state == "open" and item.task_key not in portal.tasks
                and portal.crm.find_record(item.account_id)[0]]  # fmt: skip
        assert lost == [], "what is due is in a task"


def test_the_own_id_that_arrives_later_and_a_lost_database_make_no_second_call() -> None:
    for order in itertools.permutations(("customer", "company", "own id")):
        portal = Portal()
        for step in (*order, "lose"):
            if step == "lose":
                portal.lose()
            elif step == "own id":
                portal.learn_own_id()
            else:
                portal.arrive(*(("stripe", "cus_1") if step == "customer" else ("hubspot", "100")))
            portal.run()
        assert len(portal.tasks) == 1
        assert {item.task_key for item in portal.kept.values()} == set(portal.tasks)
        assert {item.playbook for item in portal.kept.values()} == set(WATCHED)


def test_a_task_that_was_done_before_a_loss_is_not_made_again_for_a_company_that_comes_later() -> (
    None
):
    portal = Portal()
    portal.arrive("stripe", "cus_1")
    portal.arrive("hubspot", "100")
    portal.run()
    before = set(portal.tasks)
    portal.close()
    portal.run()
    company = portal.records.pop(RecordRef("hubspot", "100"))
    portal.lose()
    portal.run()
    assert [item.state for item in portal.kept.values()] == ["open", "open"]
    assert portal.written == set(), "there is no company to write them to"
    portal.records[company.ref] = company
    portal.run()
    assert set(portal.tasks) == before
    assert {state for _, state in portal.tasks.values()} == {"done"}


@pytest.mark.parametrize("first", ["customer", "company"])
def test_a_second_claim_and_its_answer_make_no_second_task(first: str) -> None:
    """The task goes on at the company, and what is written again is the same task."""
    second = {"customer": "company", "company": "customer"}[first]
    portal = Portal()
    acts: dict[str, Callable[[], None]] = {
        "customer": lambda: portal.arrive("stripe", "cus_1"),
        "company": lambda: portal.arrive("hubspot", "100"),
        "second company": lambda: portal.arrive("hubspot", "300"),
        "link": lambda: setattr(portal, "linked", True),
        "nothing": lambda: None,
    }
    for step in (first, second, "second company", "nothing", "link", "nothing"):
        acts[step]()
        portal.run()
        if step not in ("customer", "company"):
            states = {item.playbook: item.state for item in portal.kept.values()}
            assert len(portal.kept) == 2
            assert states == dict.fromkeys(WATCHED, "open")
            assert [record for record, _ in portal.tasks.values()] == ["100"]


def test_each_open_task_stands_for_one_new_follow_up_at_its_company() -> None:
    crm = DestinationIndex("hubspot", {"acme": [("7", "")], "beta": [("8", "")], "none": []})
    ours, orphan = build_follow_up_key("call", "x", "1"), build_follow_up_key("call", "old", "1")
    existing = [
        OpenFollowUp(ours, "1", "7"),
        OpenFollowUp(orphan, "2", "7"),
        OpenFollowUp(build_follow_up_key("review", "old", "1"), "3", "7"),
        OpenFollowUp("0123456789abcdef", "4", "8"),
    ]
    new = group_tasks(
        {"state": "open", "lead": None, **row}
        for row in (
            {"key": "z", "account_id": "acme", "playbook": "other"},
            {"key": "a", "account_id": "acme", "playbook": "call", "lead": "z"},
            {"key": "b", "account_id": "acme", "playbook": "call", "lead": "z"},
            {"key": "c", "account_id": "beta", "playbook": "call"},
            {"key": "d", "account_id": "none", "playbook": "review"},
            {"key": "e", "account_id": COMPANY, "playbook": "review"},
        )
    )
    assert match_open_follow_ups(new, existing, {ours, *"zabcde"}, crm) == {
        "a": {"key": orphan, "lead": None},
        "z": {"lead": orphan},
        "b": {"lead": orphan},
        "c": {"lead": "0123456789abcdef"},
    }

"""Whatever happens, in whatever order: no task twice, nothing of people's lost, no score lost.

A state machine plays the scoring, the people in HubSpot, a network that fails and a process that
dies; after every push it compares the portal with what everybody did. The two machines are two
portals: one where HubSpot keeps our keys unique, and one that refuses that.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from cs_sync.contracts.destination import Object
from cs_sync.testing import faults
from cs_sync.testing.fault_transport import Exchange, Fault
from cs_sync.write_back.fields import DEPENDENT_FIELDS, diff_fields
from cs_sync.write_back.plan import LedgerEntry
from cs_sync.write_back.writer import read_ledger_entries
from cs_sync_hubspot.drift import is_same_value
from cs_sync_hubspot.idempotent_objects import KEY
from cs_sync_hubspot.tasks import STATUS
from tests.write_back.desk import (
    ACCOUNTS,
    PLENTY,
    PREFIX,
    Desk,
    HostileCrm,
    PlainCrm,
    Round,
    at_request,
    on,
)

ACCOUNT = st.sampled_from(ACCOUNTS)
PICK = st.integers(0, 3)
PATH = st.sampled_from(
    ["companies/batch/read", "companies/batch/update", "tasks/batch/read", "tasks/batch/create"]
)


def die_before(exchange: Exchange) -> httpx.Response:
    return exchange.die()


def die_after(exchange: Exchange) -> httpx.Response:
    exchange.answer()
    return exchange.die()


def bad_gateway(exchange: Exchange) -> httpx.Response:
    exchange.answer()
    return httpx.Response(502, text="bad gateway")


FAULTS: dict[str, Fault] = {
    "die before": die_before,
    "die after": die_after,
    "answer lost": faults.lose_response(httpx.ReadTimeout, done=True),
    "never arrived": faults.lose_response(httpx.ReadTimeout),
    "bad gateway": bad_gateway,
    "half an answer": faults.truncate_response,
}


class LedgerMachine(RuleBasedStateMachine):
    crm: ClassVar[type[HostileCrm]] = HostileCrm
    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.desk = Desk(Path(self.folder.name), self.crm)
        self.names = {r.id: r.properties["name"] for r in self.desk.portal.live("companies")}
        self.theirs: dict[str, dict[str, str]] = {}
        """Task id → what a person last made of it."""
        self.typed: set[tuple[str, str]] = set()
        """(company, field of ours) that a person edited."""
        self.deletions: Counter[str] = Counter()
        self.quiet = True
        for account in ACCOUNTS[:2]:
            self.desk.call(account, 0)
        self.check(self.desk.work())

    def teardown(self) -> None:
        """In the end the quota is large and the network is fine: everything comes right."""
        desk = self.desk
        desk.portal.daily_limit = PLENTY
        for _ in range(3):
            desk.advance_clock(minutes=10)
            self.check(desk.work())
        again = desk.work()
        self.check(again)
        assert again.whole, (again.error, again.writes)
        assert not desk.written(), (desk.written(), again.plan)
        desk.close()
        self.folder.cleanup()

    def count(self, name: str) -> None:
        self.steps[name] += 1

    @rule(account=ACCOUNT, score=st.sampled_from([10.0, 10.9, 45.0, 45.9, 46.1, 80.0]))
    def score_changes(self, account: str, score: float) -> None:
        self.count("score changes")
        self.desk.score(account, score)

    @rule(account=ACCOUNT, occasion=st.integers(0, 1))
    def follow_up_becomes_due(self, account: str, occasion: int) -> None:
        self.count("follow-up")
        self.desk.call(account, occasion)

    @rule(pick=PICK)
    def follow_up_is_needless(self, pick: int) -> None:
        row = self.some(list(self.desk.rows.values()), pick)
        if row is not None:
            self.count("needless")
            row["state"] = "resolved"

    @rule(pick=PICK)
    def more_becomes_known(self, pick: int) -> None:
        row = self.some(list(self.desk.rows.values()), pick)
        if row is not None and len(row["evidence"]) < 2:
            self.count("news")
            self.desk.news(row["key"])

    @rule()
    def push(self) -> None:
        self.count("push")
        self.check(self.desk.work())

    @rule(number=st.integers(1, 9), name=st.sampled_from(sorted(FAULTS)))
    def push_that_fails(self, number: int, name: str) -> None:
        self.count(f"push: {name}")
        self.check(self.desk.work(at_request(number, FAULTS[name])))

    @rule(account=ACCOUNT, path=PATH, name=st.sampled_from(sorted(FAULTS)))
    def score_flickers_while_a_push_fails(self, account: str, path: str, name: str) -> None:
        self.count("push: score flickers")
        before = self.desk.portraits[account].score or 0.0
        self.desk.score(account, 99.0 - before)
        self.check(self.desk.work(on([path], FAULTS[name])))
        self.desk.score(account, before)

    @rule(path=PATH, first=ACCOUNT, other=ACCOUNT)
    def push_while_somebody_merges(self, path: str, first: str, other: str) -> None:
        self.count("push: merged meanwhile")
        self.desk.score(first, 12.0)
        self.desk.score(other, 77.0)
        self.check(self.desk.work(self.meanwhile(path, lambda: self.desk.merge(first, other))))

    @rule(path=PATH, account=ACCOUNT)
    def push_while_somebody_archives(self, path: str, account: str) -> None:
        self.count("push: archived meanwhile")
        self.check(self.desk.work(self.meanwhile(path, lambda: self.desk.archive(account))))

    @rule(left=st.integers(0, 8))
    def push_into_the_daily_limit(self, left: int) -> None:
        self.count("push: daily limit")
        self.desk.hubspot.allow(left)
        done = self.desk.work()
        self.check(done)
        self.desk.advance_clock(minutes=24 * 60)
        self.desk.portal.daily_limit = PLENTY

    @rule()
    def database_is_lost(self) -> None:
        self.count("database lost")
        self.desk.lose_database()

    @rule(account=ACCOUNT, band=st.sampled_from(["red", "green"]), score=st.sampled_from(["", "7"]))
    def somebody_edits_our_fields(self, account: str, band: str, score: str) -> None:
        self.count("our field edited")
        self.types(account, cs_health_band=band, cs_health_score=score)

    @rule(account=ACCOUNT)
    def somebody_plans_an_action(self, account: str) -> None:
        self.count("next action typed")
        self.types(account, cs_next_action="Lunch on Tuesday")

    @rule(account=ACCOUNT, name=st.sampled_from(["Acme Ltd", "Bolt GmbH"]))
    def somebody_edits_their_field(self, account: str, name: str) -> None:
        self.count("their field edited")
        self.desk.type_in(account, name=name)
        record = self.desk.record(account)
        if record is not None:
            self.names[record.id] = name

    @rule(pick=PICK, status=st.sampled_from(["COMPLETED", "IN_PROGRESS", "NOT_STARTED"]))
    def somebody_works_on_a_task(self, pick: int, status: str) -> None:
        task = self.some(list(self.desk.portal.live("tasks")), pick)
        if task is not None:
            self.count(f"task {status.lower()}")
            self.desk.portal.update(task, {STATUS: status})
            own = self.theirs.setdefault(task.id, {})
            own.pop(STATUS, None)
            if status != "NOT_STARTED":
                own[STATUS] = status

    @rule(pick=PICK)
    def somebody_writes_into_a_task(self, pick: int) -> None:
        task = self.some(list(self.desk.portal.live("tasks")), pick)
        if task is not None:
            self.count("task edited")
            own = {"hs_task_body": "I will ask Ana first", "hs_task_subject": "Ask Ana"}
            self.desk.portal.update(task, own)
            self.theirs.setdefault(task.id, {}).update(own)

    @rule(pick=PICK)
    def somebody_deletes_a_task(self, pick: int) -> None:
        task = self.some(list(self.desk.portal.live("tasks")), pick)
        if task is not None:
            self.count("task deleted")
            self.desk.portal.archive(task)
            self.deletions[str(task.properties[KEY])] += 1

    @rule(winner=ACCOUNT, loser=ACCOUNT)
    def somebody_merges_companies(self, winner: str, loser: str) -> None:
        self.count("companies merged")
        self.desk.merge(winner, loser)

    @rule(account=ACCOUNT)
    def somebody_archives_a_company(self, account: str) -> None:
        self.count("company archived")
        self.desk.archive(account)

    @rule()
    def somebody_restores_what_was_archived(self) -> None:
        self.count("restored")
        self.desk.restore()

    @rule()
    def cs_sync_reads_the_crm(self) -> None:
        self.count("sync")
        self.desk.sync()

    @rule(seconds=st.sampled_from([1, 20, 60, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.count("time passes")
        self.desk.advance_clock(minutes=seconds / 60)

    def types(self, account: str, **values: str) -> None:
        record = self.desk.record(account)
        if record is not None:
            self.desk.type_in(account, **values)
            self.typed |= {(record.id, name) for name in values}

    def some(self, things: list[Any], pick: int) -> Any:
        return things[pick % len(things)] if things else None

    def meanwhile(self, path: str, what: Callable[[], object]) -> Fault:
        """Somebody does something just before a request of ours arrives."""
        self.quiet = False

        def fault(exchange: Exchange) -> httpx.Response:
            what()
            return exchange.answer()

        return on([path], fault)

    def check(self, done: Round) -> None:
        self.every_operation_has_an_outcome(done)
        self.no_task_is_there_twice()
        self.nothing_of_theirs_is_overwritten()
        if done.whole and self.quiet:
            assert not done.writes.problems
            self.no_score_is_lost(done)
            self.no_follow_up_is_lost(done)
        self.quiet = True

    def every_operation_has_an_outcome(self, done: Round) -> None:
        if done.killed or done.error:
            return
        writes = done.writes
        asked = sum(item.op is not None for item in done.plan)
        left_alone = sum(item.action == "unchanged" for item in done.plan)
        standing = sum(item.standing for item in done.plan)
        outcomes = sum(writes.counts().values()) + writes.left
        assert outcomes == asked + left_alone + standing, (writes, done.plan)
        assert all(item.reason for item in done.plan)
        if done.whole:
            entries = self.entries()
            asked_for = {(item.object, item.key) for item in done.plan if item.op is not None}
            # Two companies merged while we wrote: what one took from the other is not known.
            known = {"acked", "rejected", "refused"} | (set() if self.quiet else {"unknown"})
            assert {entries[key].status for key in asked_for} <= known

    def entries(self) -> dict[tuple[Object, str], LedgerEntry]:
        with self.desk.store.read() as connection:
            return read_ledger_entries(connection, "hubspot")

    def no_task_is_there_twice(self) -> None:
        for kind in ("tasks", "notes"):
            everything = self.desk.portal.objects[kind].values()
            living = Counter(r.properties[KEY] for r in everything if r.archived_at is None)
            assert all(times == 1 for times in living.values()), living
            ever = Counter(r.properties[KEY] for r in everything)
            for key, times in ever.items():
                again = 0 if self.crm.unique else self.deletions[str(key)]
                assert times <= 1 + again, f"{key} was created {times} times"

    def nothing_of_theirs_is_overwritten(self) -> None:
        for record in self.desk.portal.live("companies"):
            assert record.properties["name"] == self.names[record.id]
        for id_, changes in self.theirs.items():
            task = self.desk.portal.objects["tasks"][id_]
            assert {name: task.properties[name] for name in changes} == changes

    def no_score_is_lost(self, done: Round) -> None:
        wished = {w.op.key: w for w in self.desk.wished(self.entries()) if w.op.object == "account"}
        for item in done.plan:
            if item.object != "account" or item.action == "refused":
                continue
            shown = self.desk.fields(item.account)
            edits = {(str(shown["hs_object_id"]), name) for name in item.edited}
            assert edits <= self.typed, f"nobody edited {edits - self.typed}"
            for name, value in wished[item.account].op.fields.items():
                if name in item.edited or name.removeprefix(PREFIX) in DEPENDENT_FIELDS:
                    continue
                present = shown.get(name)
                if value in (None, "") or is_same_value(value, present):
                    continue
                moved = diff_fields({name: float(present or "nan")}, {name: value}, PREFIX)
                assert not moved, f"{item}: {name} shows {present!r} instead of {value!r}: {done}"

    def no_follow_up_is_lost(self, done: Round) -> None:
        keys = {task.properties[KEY] for task in self.desk.tasks()}
        for item in done.plan:
            if item.object == "follow_up" and item.action != "refused":
                assert item.key in keys, f"{item} is neither there nor refused"


class PlainLedgerMachine(LedgerMachine):
    crm = PlainCrm


QUICK = settings(
    max_examples=5,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
THOROUGH = settings(QUICK, max_examples=120, stateful_step_count=50)


@pytest.mark.slow("pushes in drawn orders")
@pytest.mark.parametrize("machine", [LedgerMachine, PlainLedgerMachine])
def test_the_ledger_keeps_its_promises(machine: type[LedgerMachine]) -> None:
    run_state_machine_as_test(machine, settings=QUICK)


@pytest.mark.slow("pushes in thousands of orders")
@pytest.mark.parametrize("machine", [LedgerMachine, PlainLedgerMachine])
def test_the_ledger_keeps_its_promises_for_longer(machine: type[LedgerMachine]) -> None:
    run_state_machine_as_test(machine, settings=THOROUGH)

"""A push against a hostile HubSpot, and the people who work in it: every push is a new process."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx

from cs_sync.contracts.errors import CsSyncError
from cs_sync.store.engine import open_store
from cs_sync.store.leases import LeasedStore
from cs_sync.testing import CrmFake, PushHarness
from cs_sync.testing.fault_transport import Fault, ProcessKilled, pass_through
from cs_sync.write_back.desired_state import (
    DestinationIndex,
    build_account_records,
    build_follow_up_records,
)
from cs_sync.write_back.drift import follow_merges
from cs_sync.write_back.fields import AccountFields, build_field_specs
from cs_sync.write_back.plan import DesiredRecord, LedgerEntry, PlanItem, make_plan
from cs_sync.write_back.receipts import WriteResult
from cs_sync.write_back.writer import DestinationWriter, read_remote_state
from cs_sync_hubspot.idempotent_objects import KEY
from cs_sync_sandbox.hubspot.portal import Portal, Record
from tests.known_failures.portal import PortalCrm

PREFIX = "cs_"
ACCOUNTS = ("a0", "a1", "a2", "a3")
LAG = timedelta(seconds=30)
PLENTY = 650_000
PREPARED: dict[type[CrmFake], bytes] = {}
"""The properties of a portal that was set up, and what was found then: once for all tests."""


class HostileCrm(PortalCrm):
    """A portal whose search index lags; it counts its requests, and has a quota of them a day."""

    unique: ClassVar[bool] = True

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.portal.search_lag = LAG
        self.portal.unique_task_properties = self.unique
        self.today: dict[Any, int] = {}
        if type(self) in PREPARED:
            (self.portal.definitions, self.portal.groups), _ = pickle.loads(PREPARED[type(self)])

    def answer(self, request: httpx.Request) -> httpx.Response:
        day = self.now().date()
        self.today[day] = self.today.get(day, 0) + 1
        return super().answer(request)

    def allow(self, more: int) -> None:
        """So many more requests today."""
        self.portal.daily_limit = self.today.get(self.now().date(), 0) + more


class PlainCrm(HostileCrm):
    """One that refuses unique properties on tasks and notes."""

    unique = False


@dataclass(slots=True)
class Round:
    """One push: what was planned, what became of it."""

    plan: list[PlanItem] = field(default_factory=list)
    writes: WriteResult = field(default_factory=WriteResult)
    killed: bool = False
    error: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it came to its end, and every operation has an answer."""
        return not (self.killed or self.error or self.writes.unknown or self.writes.left)


class Desk(PushHarness):
    """Four accounts with a company each; `portraits` and `rows` are what cs-sync would write."""

    def __init__(self, folder: Path, kind: type[HostileCrm] = HostileCrm) -> None:
        super().__init__(kind, folder)
        assert isinstance(self.crm, HostileCrm)
        self.hubspot: HostileCrm = self.crm
        self.portal: Portal = self.crm.portal
        self._empty = self.path.read_bytes()
        if kind not in PREPARED:
            with self.open_connector() as destination:
                steps = list(destination.prepare(build_field_specs(PREFIX)))
            set_up = self.portal.definitions, self.portal.groups
            PREPARED[kind] = pickle.dumps((set_up, steps))
        _, self.findings = pickle.loads(PREPARED[kind])
        self.company = dict(zip(ACCOUNTS, self.crm.accounts(), strict=False))
        self.linked = {account: [(item, "")] for account, item in self.company.items()}
        self.portraits: dict[str, AccountFields] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        for account in ACCOUNTS:
            self.score(account, 50.0)

    def score(self, account: str, score: float) -> None:
        """What cs-sync thinks of an account now."""
        band = "red" if score < 41 else "yellow" if score < 71 else "green"
        self.portraits[account] = AccountFields(
            score=score,
            band=band,
            coverage=1.0,
            reasons=[f"the band is {band}", "#518: “<b>again</b>”"],
            change_30d=None,
            mrr={"EUR": 99.0},
            next_action=self._next_action(account),
            updated_at=self.clock.now(),
        )

    def call(self, account: str, occasion: int) -> str:
        """A follow-up becomes due; its key."""
        key = f"call:{account}:{occasion}"
        self.rows.setdefault(
            key,
            {
                "key": key, "account_id": account, "title": f"Call {account}", "body": "Ask them.",
                "due_at": self.clock.now() + timedelta(days=2), "priority": "high", "kind": "call",
                "owner_source": None, "owner_source_id": None, "assignee": None,
                "state": "open", "evidence": [], "lead": None, "task": None, "contact_id": None,
            },
        )  # fmt: skip
        return key

    def news(self, key: str) -> None:
        """Something more becomes known of the occasion."""
        facts = self.rows[key]["evidence"]
        since = self.clock.now().isoformat()
        facts.append({"id": f"n{len(facts)}", "text": "another ticket", "since": since})

    def work(self, fault: Fault = pass_through) -> Round:
        """One process pushes, as the job does."""
        held, done = self.renew_lease(), Round()
        for account, portrait in list(self.portraits.items()):
            self.score(account, portrait.score or 0.0)
        with self.open_connector(fault) as destination:
            pusher = DestinationWriter(
                LeasedStore(self.store, held),
                self.name,
                destination,
                "run",
                self.clock.now,
                lambda _e: None,
            )
            try:
                ledger = pusher.entries()
                looked = read_remote_state(destination, self.wished(ledger), ledger)
                pusher.reconcile_pending()
                ledger = pusher.entries()
                done.plan = make_plan(follow_merges(self.wished(ledger), looked), ledger, PREFIX)
                done.writes = pusher.push(done.plan)
            except ProcessKilled:
                done.killed = True
            except CsSyncError as error:
                done.error = str(error)
        return done

    def wished(self, ledger: Mapping[Any, LedgerEntry]) -> list[DesiredRecord]:
        """What should stand in the CRM."""
        names = {account: f"Acme {account}" for account in ACCOUNTS}
        crm = DestinationIndex("hubspot", self.linked, names=names)
        return [
            *build_account_records(self.portraits.items(), crm, PREFIX),
            *build_follow_up_records(self.rows.values(), crm, ledger),
        ]

    def written(self) -> list[str]:
        """Paths of the last process's requests that change something."""
        paths = [item.request.url.path for item in self.wire.sent]
        return [path for path in paths if path.endswith(("/create", "/update"))]

    def lose_database(self) -> None:
        """The disk is gone; the next run begins with an empty database."""
        self.store.close()
        for end in ("-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        self.path.write_bytes(self._empty)
        self.store = open_store(f"sqlite:///{self.path}")
        self._held = None

    def record(self, account: str) -> Record | None:
        """The company that stands for an account now; None when it is archived."""
        return self.portal.find("companies", self.company[account])

    def fields(self, account: str) -> dict[str, str | None]:
        """What an account's company shows."""
        record = self.record(account)
        assert record is not None
        return record.properties

    def type_in(self, account: str, **values: str) -> None:
        """Somebody edits a company."""
        record = self.record(account)
        if record is not None:
            self.portal.update(record, values)

    def tasks(self, key: str | None = None) -> list[Record]:
        """The tasks with a key, or all; deleted ones, too."""
        everything = self.portal.objects["tasks"].values()
        return [task for task in everything if key in (None, task.properties[KEY])]

    def task(self, key: str) -> Record:
        """The one task with this key."""
        (actual,) = self.tasks(key)
        return actual

    def merge(self, winner: str, loser: str) -> bool:
        """Somebody merges two accounts' companies; False where that is not possible."""
        first, other = self.record(winner), self.record(loser)
        if first is None or other is None or first is other:
            return False
        self.portal.merge("companies", first, other)
        return True

    def archive(self, account: str) -> None:
        """Somebody deletes a company."""
        record = self.record(account)
        if record is not None:
            self.portal.archive(record)

    def restore(self) -> None:
        """Everything that was deleted comes back."""
        for record in self.portal.objects["companies"].values():
            record.archived_at = None

    def sync(self) -> None:
        """cs-sync reads the CRM: who is merged or gone is known from now on."""
        taken: set[str] = set()
        for account, company in self.company.items():
            record = self.portal.objects["companies"].get(company)
            alive = record is not None and record.archived_at is None and company not in taken
            self.linked[account] = [(company, "")] if alive else []
            taken.add(company)

    def _next_action(self, account: str) -> str:
        own = [r for r in self.rows.values() if r["account_id"] == account and r["state"] == "open"]
        return own[0]["title"] if own else ""


def at_request(number: int, fault: Fault) -> Fault:
    """The fault meets one request of the push."""
    return lambda exchange: fault(exchange) if exchange.number == number else exchange.answer()


def on(paths: Sequence[str], fault: Fault) -> Fault:
    """The fault meets requests to paths with one of these ends."""

    def choose(exchange: Any) -> httpx.Response:
        fits = exchange.request.url.path.endswith(tuple(paths))
        return fault(exchange) if fits else exchange.answer()

    return choose


def everything_is_there_once(desk: Desk, calls: list[str], score: str = "50") -> None:
    assert sorted(str(task.properties[KEY]) for task in desk.tasks()) == sorted(calls)
    assert {desk.fields(account)["cs_health_score"] for account in ACCOUNTS} == {score}
    companies = {id_ for _, id_, end in desk.portal.links if end == "tasks"}
    assert companies == set(desk.company.values()), "each task hangs on its company"


def nothing_more_is_written(desk: Desk) -> None:
    again = desk.work()
    assert again.whole, again
    assert not desk.written()

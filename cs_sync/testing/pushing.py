"""The test bench of destinations: the real write-back with its ledger, process after process."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from cs_sync.contracts.destination import FieldSpec, Op, Value
from cs_sync.contracts.errors import CsSyncError
from cs_sync.http import VendorHttp
from cs_sync.testing.bench import Bench
from cs_sync.testing.vendor import CrmFake
from cs_sync.testing.wire import Fault, Killed, Sent, no_fault
from cs_sync.write_back.plan import Wish, make_plan
from cs_sync.write_back.push import Pusher
from cs_sync.write_back.receipts import Writes

PREFIX = "cs_"
FIELDS = (
    FieldSpec("cs_health_score", "Health score", "number", "0 to 100, higher is healthier."),
    FieldSpec(
        "cs_health_band", "Band", "choice", "In words.", (("red", "Red"), ("green", "Green"))
    ),
    FieldSpec("cs_health_reasons", "Reasons", "long_text", "Why."),
)


@dataclass(slots=True)
class Pushed:
    """What one process wrote before it ended."""

    writes: Writes = field(default_factory=Writes)
    sent: list[Sent] = field(default_factory=list)
    killed: bool = False
    error: str | None = None

    def problems(self) -> str:
        """Everything that went wrong, in words."""
        return "; ".join((*self.writes.problems, *filter(None, [self.error])))


class PushBench(Bench[CrmFake]):
    """A bench whose vendor is written to; every push is a new process on one ledger."""

    def __init__(self, kind: type[CrmFake], folder: Path) -> None:
        super().__init__(kind, folder)
        self.crm = self.vendor
        with self.opened() as destination:
            self.findings = list(destination.prepare(FIELDS))
        self.wishes = wishes(self.crm.accounts(), self.clock.now())

    def push(self, fault: Fault = no_fault, wanted: Sequence[Wish] | None = None) -> Pushed:
        """One process settles what is open, plans and writes."""
        pushed = Pushed()
        held = self.lease()
        with self.opened(fault) as destination:
            pusher = Pusher(
                self.store, self.name, destination, "run", held, self.clock.now, lambda _e: None
            )
            try:
                pusher.settle()
                plan = make_plan(wanted or self.wishes, pusher.entries(), PREFIX)
                pushed.writes = pusher.push(plan)
            except Killed:
                pushed.killed = True
            except CsSyncError as error:
                pushed.error = str(error)
        pushed.sent = list(self.wire.sent)
        return pushed

    def write_aside(self, ops: Sequence[Op]) -> None:
        """Another process, on another line, writes the same at this moment."""
        line = httpx.Client(transport=httpx.MockTransport(self.crm.answer))
        limits = self.kind.connector.limits
        now, sleep = self.clock.now, self.clock.sleep
        with VendorHttp(self.name, limits, now=now, sleep=sleep, client=line) as door:
            list(self.kind.connector(self.config(), door).write(ops))

    def missing(self, wanted: Sequence[Wish] | None = None) -> list[str]:
        """What is wanted and not there, or there twice, in words."""
        there = Counter(self.crm.follow_ups())
        told = [
            f"follow-up {key} exists {count} times" for key, count in there.items() if count > 1
        ]
        for wish in wanted or self.wishes:
            if wish.object == "follow_up" and not there[wish.key]:
                told.append(f"follow-up {wish.key} does not exist")
            elif wish.object == "account" and wish.remote_id:
                told += _unlike(wish, self.crm.fields(wish.remote_id))
        return told


def wishes(accounts: Sequence[str], now: Any) -> list[Wish]:
    """A score for every account, and a follow-up for every second one."""
    fields: dict[str, Value] = {
        "cs_health_score": 42.0,
        "cs_health_band": "red",
        "cs_health_reasons": "Logins fell by half.\nOne invoice is open.",
    }
    scores = [Wish("account", f"a-{name}", name, fields, remote_id=name) for name in accounts]
    task: dict[str, Value] = {
        "title": "Call them",
        "body": "Ask about the invoice.",
        "due_at": now + timedelta(days=3),
        "priority": "high",
        "kind": "call",
    }
    calls = [
        Wish("follow_up", f"review:{name}", name, task, account_remote_id=name)
        for name in accounts[::2]
    ]
    return scores + calls


def op_of(wish: Wish) -> Op:
    """What the host sends for a wish."""
    return Op(wish.object, wish.key, wish.fields, wish.remote_id, wish.account_remote_id)


def _unlike(wish: Wish, held: Any) -> list[str]:
    return [
        f"account {wish.remote_id}: {name} is {held.get(name)!r} instead of {value!r}"
        for name, value in wish.fields.items()
        if not _same(value, held.get(name))
    ]


def _same(wanted: Value, held: Any) -> bool:
    """Whether the CRM, which may keep numbers as text, holds what was wanted."""
    if isinstance(wanted, float):
        return held not in (None, "") and float(held) == wanted
    return bool(held == wanted)

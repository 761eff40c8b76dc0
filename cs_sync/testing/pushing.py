"""The test harness of destinations: the real write-back with its ledger, per process."""

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
from cs_sync.store.leases import LeasedStore
from cs_sync.testing.fault_transport import Fault, ProcessKilled, SentRequest, pass_through
from cs_sync.testing.harness import Harness
from cs_sync.testing.vendor import CrmFake
from cs_sync.write_back.plan import DesiredRecord, make_plan
from cs_sync.write_back.receipts import WriteResult
from cs_sync.write_back.writer import DestinationWriter

PREFIX = "cs_"
FIELDS = (
    FieldSpec("cs_health_score", "Health score", "number", "0 to 100, higher is healthier."),
    FieldSpec(
        "cs_health_band", "Band", "choice", "In words.", (("red", "Red"), ("green", "Green"))
    ),
    FieldSpec("cs_health_reasons", "Reasons", "long_text", "Why."),
)


@dataclass(slots=True)
class PushRun:
    """The writes of one process before it ended."""

    writes: WriteResult = field(default_factory=WriteResult)
    sent: list[SentRequest] = field(default_factory=list)
    killed: bool = False
    error: str | None = None

    def problems(self) -> str:
        """All problems as text."""
        return "; ".join((*self.writes.problems, *filter(None, [self.error])))


class PushHarness(Harness[CrmFake]):
    """A harness with a fake CRM; every push is a new process on one ledger."""

    def __init__(self, kind: type[CrmFake], folder: Path) -> None:
        super().__init__(kind, folder)
        self.crm = self.vendor
        with self.open_connector() as destination:
            self.findings = list(destination.prepare(FIELDS))
        self.desired = build_desired_records(self.crm.accounts(), self.clock.now())

    def push(
        self, fault: Fault = pass_through, desired: Sequence[DesiredRecord] | None = None
    ) -> PushRun:
        """Settle pending operations, plan and write, in one process."""
        pushed = PushRun()
        lease = self.renew_lease()
        with self.open_connector(fault) as destination:
            pusher = DestinationWriter(
                LeasedStore(self.store, lease),
                self.name,
                destination,
                "run",
                self.clock.now,
                lambda _e: None,
            )
            try:
                pusher.reconcile_pending()
                plan = make_plan(desired or self.desired, pusher.entries(), PREFIX)
                pushed.writes = pusher.push(plan)
            except ProcessKilled:
                pushed.killed = True
            except CsSyncError as error:
                pushed.error = str(error)
        pushed.sent = list(self.wire.sent)
        return pushed

    def write_concurrently(self, ops: Sequence[Op]) -> None:
        """Write the same now in another process, over another connection."""
        line = httpx.Client(transport=httpx.MockTransport(self.crm.answer))
        limits = self.kind.connector.limits
        now, sleep = self.clock.now, self.clock.sleep
        with VendorHttp(self.name, limits, now=now, sleep=sleep, client=line) as vendor_http:
            list(self.kind.connector(self.config(), vendor_http).write(ops))

    def missing(self, desired: Sequence[DesiredRecord] | None = None) -> list[str]:
        """Describe what is missing in the CRM, or duplicated."""
        counts = Counter(self.crm.follow_ups())
        differences = [
            f"follow-up {key} exists {count} times" for key, count in counts.items() if count > 1
        ]
        for op in (record.op for record in desired or self.desired):
            if op.object == "follow_up" and not counts[op.key]:
                differences.append(f"follow-up {op.key} does not exist")
            elif op.object == "account" and op.remote_id:
                differences += _describe_difference(op, self.crm.fields(op.remote_id))
        return differences


def build_desired_records(accounts: Sequence[str], now: Any) -> list[DesiredRecord]:
    """Build scores for all accounts and follow-ups for every second one."""
    fields: dict[str, Value] = {
        "cs_health_score": 42.0,
        "cs_health_band": "red",
        "cs_health_reasons": "Logins fell by half.\nOne invoice is open.",
    }
    scores = [
        DesiredRecord(Op("account", f"a-{name}", fields, remote_id=name), name) for name in accounts
    ]
    task: dict[str, Value] = {
        "title": "Call them",
        "body": "Ask about the invoice.",
        "due_at": now + timedelta(days=3),
        "priority": "high",
        "kind": "call",
    }
    calls = [
        DesiredRecord(Op("follow_up", f"review:{name}", task, account_remote_id=name), name)
        for name in accounts[::2]
    ]
    return scores + calls


def _describe_difference(op: Op, actual: Any) -> list[str]:
    return [
        f"account {op.remote_id}: {name} is {actual.get(name)!r} instead of {value!r}"
        for name, value in op.fields.items()
        if not _is_same(value, actual.get(name))
    ]


def _is_same(expected: Value, actual: Any) -> bool:
    """Return whether the CRM holds the desired values.

    It may store numbers as text.
    """
    if isinstance(expected, float):
        return actual not in (None, "") and float(actual) == expected
    return bool(actual == expected)

"""Carrying out a plan: intent before every call, receipt after it, nothing written twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from cs_sync.contracts.destination import Ack, Destination, Object, Reject
from cs_sync.contracts.errors import AnswerUnknown, CsSyncError, VendorError
from cs_sync.contracts.events import Event
from cs_sync.store.database import Store
from cs_sync.store.leases import Held, check_lease
from cs_sync.store.ledger import note_intents, note_receipts, read_ledger
from cs_sync.write_back.plan import Entry, Item

BATCH = 100


def read_entries(connection: Connection, destination: str) -> dict[tuple[Object, str], Entry]:
    """What the ledger knows of a destination, by object and key."""
    return {
        (row["object"], row["key"]): Entry(
            row["object"],
            row["key"],
            row["status"],
            row["remote_id"],
            row["fields"],
            row["reason"],
            row["intent"] or {},
        )
        for row in read_ledger(connection, destination)
    }


@dataclass(slots=True)
class Writes:
    """What a push came to; `problems` in words, one per record or call."""

    create: int = 0
    update: int = 0
    unchanged: int = 0
    rejected: int = 0
    unknown: int = 0
    problems: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The counts as the `runs` command prints them."""
        names = ("create", "update", "unchanged", "rejected", "unknown")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Pusher:
    """One destination in one run."""

    store: Store
    name: str
    destination: Destination
    run_id: str
    held: Held
    clock: Callable[[], datetime]
    emit: Callable[[Event], None]

    def entries(self) -> dict[tuple[Object, str], Entry]:
        """The ledger, by object and key."""
        with self.store.read() as connection:
            return read_entries(connection, self.name)

    def settle(self) -> int:
        """Find out what became of writes whose outcome is unknown; how many there were.

        Accounts need no settling: their update by id may be repeated.
        """
        open_entries = {
            entry.key: entry
            for entry in self.entries().values()
            if entry.object != "account" and entry.status in ("pending", "unknown")
        }
        found = self.destination.find(list(open_entries)) if open_entries else ()
        receipts = [
            {
                "object": open_entries[thing.key].object,
                "key": thing.key,
                "status": "acked",
                "remote_id": thing.remote_id,
                "fields": {},
            }
            for thing in found
        ]
        if receipts:
            self._note(receipts)
        return len(open_entries)

    def push(self, plan: Sequence[Item]) -> Writes:
        """Write what the plan says; a refused key or a lost connection ends it, resumable."""
        writes = Writes(unchanged=sum(item.action == "unchanged" for item in plan))
        items = [item for item in plan if item.op is not None]
        for batch in _batches(items):
            try:
                self._write(batch, writes)
            except AnswerUnknown as error:
                writes.problems.append(str(error))
            except VendorError as error:
                writes.problems.append(str(error))
                break
            detail = {"of": len(items), **writes.counts()}
            self.emit(Event("write_done", self.clock(), self.name, "", detail))
        return writes

    def _write(self, batch: Sequence[Item], writes: Writes) -> None:
        ops = {item.key: item.op for item in batch if item.op is not None}
        before = self._intend(batch)
        answers: dict[str, Ack | Reject] = {}
        try:
            for answer in self.destination.write(list(ops.values())):
                answers[answer.key] = answer
        except AnswerUnknown:
            self._settle_batch(batch, answers, before, writes, unanswered="unknown")
            raise
        except CsSyncError:
            self._settle_batch(batch, answers, before, writes, unanswered=None)
            raise
        self._settle_batch(batch, answers, before, writes, unanswered="unknown")

    def _intend(self, batch: Sequence[Item]) -> Mapping[tuple[Object, str], Entry]:
        before = self.entries()
        rows = [
            {
                "object": item.object,
                "key": item.key,
                "account_id": item.account,
                "remote_id": item.op.remote_id if item.op else None,
                "intent": dict(item.op.fields) if item.op else None,
            }
            for item in batch
        ]
        with self.store.write() as connection:
            check_lease(connection, self.held)
            note_intents(connection, self.name, rows, self.clock(), self.run_id)
        return before

    def _settle_batch(
        self,
        batch: Sequence[Item],
        answers: Mapping[str, Ack | Reject],
        before: Mapping[tuple[Object, str], Entry],
        writes: Writes,
        unanswered: str | None,
    ) -> None:
        receipts = []
        for item in batch:
            answer = answers.get(item.key)
            if isinstance(answer, Ack):
                receipts.append(_acked(item, answer, before))
                _count_ack(item, answer, writes)
            elif isinstance(answer, Reject):
                receipts.append(_rejected(item, answer))
                writes.rejected += 1
                writes.problems.append(
                    f"{item.object} {item.account}: {answer.code}: {answer.reason}"
                )
            elif unanswered:
                receipts.append({"object": item.object, "key": item.key, "status": unanswered})
                writes.unknown += 1
        self._note(receipts)

    def _note(self, receipts: Sequence[Mapping[str, Any]]) -> None:
        with self.store.write() as connection:
            check_lease(connection, self.held)
            note_receipts(connection, self.name, receipts, self.clock())


def _acked(item: Item, ack: Ack, before: Mapping[tuple[Object, str], Entry]) -> dict[str, Any]:
    entry = before.get((item.object, item.key))
    same = entry is not None and entry.remote_id in (None, ack.remote_id)
    known = dict(entry.fields) if entry is not None and same else {}
    sent = dict(item.op.fields) if item.op else {}
    return {
        "object": item.object,
        "key": item.key,
        "status": "acked",
        "remote_id": ack.remote_id,
        "fields": {**known, **sent},
        "code": None,
        "reason": None,
    }


def _rejected(item: Item, reject: Reject) -> dict[str, Any]:
    return {
        "object": item.object,
        "key": item.key,
        "status": "rejected",
        "code": reject.code,
        "reason": reject.reason,
    }


def _count_ack(item: Item, ack: Ack, writes: Writes) -> None:
    if ack.existed:
        writes.unchanged += 1
    elif item.action == "create":
        writes.create += 1
    else:
        writes.update += 1


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Accounts, follow-ups, notes: as many at a time as one call carries, a key once in a batch."""
    for kind in ("account", "follow_up", "note"):
        rest: Iterator[Item] = iter({i.key: i for i in items if i.object == kind}.values())
        while batch := list(islice(rest, BATCH)):
            yield batch

"""Carrying out a plan: intent before every call, receipt after it, nothing written twice."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from cs_sync.contracts.destination import Ack, Comparing, Destination, Object, Reject
from cs_sync.contracts.errors import AnswerUnknown, CsSyncError, Unreachable, VendorError
from cs_sync.contracts.events import Event
from cs_sync.store.database import Store
from cs_sync.store.leases import Held, check_lease
from cs_sync.store.ledger import note_intents, note_receipts, read_ledger
from cs_sync.write_back.looking import Looked, to_compare
from cs_sync.write_back.plan import Entry, Item, Wish, intent_of
from cs_sync.write_back.receipts import Entries, Writes, begun, overwritten, receipt

BATCH = 100


def read_entries(
    connection: Connection, destination: str, keys: Collection[str] | None = None
) -> dict[tuple[Object, str], Entry]:
    """What the ledger knows of a destination, or of some keys of it, by object and key."""
    return {
        (row["object"], row["key"]): Entry(
            row["object"],
            row["key"],
            row["status"],
            row["remote_id"],
            row["fields"],
            row["reason"],
            row["intent"] or {},
            row["code"],
        )
        for row in read_ledger(connection, destination, keys)
    }


def look(destination: Destination, wishes: Sequence[Wish], ledger: Entries) -> Looked:
    """What the accounts' records show now, where the destination can be read."""
    if not isinstance(destination, Comparing):
        return Looked()
    ops = to_compare(wishes, ledger)
    shown = {one.key: one for one in destination.compare(ops)} if ops else {}
    return Looked(frozenset(op.key for op in ops), shown)


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

    def entries(self, keys: Collection[str] | None = None) -> dict[tuple[Object, str], Entry]:
        """The ledger, or some keys of it, by object and key."""
        with self.store.read() as connection:
            return read_entries(connection, self.name, keys)

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
        receipts: list[dict[str, Any]] = [
            {
                "object": open_entries[thing.key].object,
                "key": thing.key,
                "status": "acked",
                "remote_id": thing.remote_id,
                "fields": {},
                "intent": None,
            }
            for thing in found
        ]
        if receipts:
            self._note(receipts)
        return len(open_entries)

    def push(self, plan: Sequence[Item]) -> Writes:
        """Write what the plan says; a refused key or a lost connection ends it, resumable."""
        writes = begun(plan)
        items = _distinct(plan)
        sent = 0
        for batch in _batches(items):
            sent += len(batch)
            try:
                self._write(batch, writes)
            except AnswerUnknown as error:
                writes.problems.append(str(error))
            except VendorError as error:
                writes.problems.append(str(error))
                writes.left += len(items) - sent
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
        except (AnswerUnknown, Unreachable):
            self._settle_batch(batch, answers, before, writes, unanswered="unknown")
            raise
        except CsSyncError:
            self._settle_batch(batch, answers, before, writes, unanswered=None)
            raise
        self._settle_batch(batch, answers, before, writes, unanswered="unknown")

    def _intend(self, batch: Sequence[Item]) -> Entries:
        before = self.entries([item.key for item in batch])
        rows = [
            {
                "object": item.object,
                "key": item.key,
                "account_id": item.account,
                "remote_id": item.op.remote_id if item.op else None,
                "intent": intent_of(item.op) if item.op else None,
            }
            for item in batch
        ]

        def note(connection: Connection) -> None:
            check_lease(connection, self.held)
            note_intents(connection, self.name, rows, self.clock(), self.run_id)

        self.store.transact(note)
        return before

    def _settle_batch(
        self,
        batch: Sequence[Item],
        answers: Mapping[str, Ack | Reject],
        before: Entries,
        writes: Writes,
        unanswered: str | None,
    ) -> None:
        """A receipt for every answer; what has none is `unanswered`, or left for the next run."""
        answered = [(item, answers[item.key]) for item in batch if item.key in answers]
        for item, answer in answered:
            writes.count(item, answer)
        rest = [item for item in batch if item.key not in answers]
        receipts = [receipt(item, answer, before) for item, answer in answered]
        if unanswered:
            writes.unknown += len(rest)
            receipts += [{"object": i.object, "key": i.key, "status": unanswered} for i in rest]
        else:
            writes.left += len(rest)
        self._note(receipts)
        if any(_elsewhere(item, answer) for item, answer in answered):
            lost = overwritten(answered, self.entries())
            writes.problems += [
                f"account {row['key']}: its record took another account's values, as the two were "
                "merged while we wrote; the next run writes it again"
                for row in lost
            ]
            self._note(lost)

    def _note(self, receipts: Sequence[Mapping[str, Any]]) -> None:
        def note(connection: Connection) -> None:
            check_lease(connection, self.held)
            note_receipts(connection, self.name, receipts, self.clock())

        self.store.transact(note)


def _elsewhere(item: Item, answer: Ack | Reject) -> bool:
    """Whether another record was written than the one that was meant: it had been merged."""
    meant = item.op.remote_id if item.op else None
    return isinstance(answer, Ack) and item.object == "account" and answer.remote_id != meant


def _distinct(plan: Sequence[Item]) -> list[Item]:
    """What there is to send, each key once; of a field that is wished twice the later counts."""
    items: dict[tuple[Object, str], Item] = {}
    for item in plan:
        if item.op is None:
            continue
        first = items.get((item.object, item.key))
        if first is not None and first.op is not None:
            op = replace(item.op, fields={**first.op.fields, **item.op.fields})
            item = replace(item, op=op)
        items[item.object, item.key] = item
    return list(items.values())


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Accounts, follow-ups, notes: as many at a time as one call carries."""
    for kind in ("account", "follow_up", "note"):
        rest = (item for item in items if item.object == kind)
        while batch := list(islice(rest, BATCH)):
            yield batch

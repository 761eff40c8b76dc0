"""Execution of a plan: intent before every call, receipt after it, no duplicate writes."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from cs_sync.contracts.destination import Ack, Destination, Object, Reject, SupportsDriftCheck
from cs_sync.contracts.errors import AnswerUnknown, CsSyncError, Unreachable, VendorError
from cs_sync.contracts.events import Event
from cs_sync.store.leases import LeasedStore
from cs_sync.store.write_ledger import read_ledger, record_intents, record_receipts
from cs_sync.write_back.drift import RemoteState, build_compare_ops
from cs_sync.write_back.plan import DesiredRecord, LedgerEntry, PlanItem, build_intent, change_op
from cs_sync.write_back.receipts import (
    LedgerEntries,
    WriteResult,
    build_receipt,
    find_overwritten,
    start_result,
)

Answered = tuple[PlanItem, Ack | Reject]

OPEN_STATUSES = ("pending", "unknown")
"""Of writes whose outcome is not known."""
BATCH_SIZE = 1000
"""Operations whose intents are recorded before any of them is sent."""
RECEIPT_SIZE = 100
"""Answers whose receipts are recorded together."""


def read_ledger_entries(
    connection: Connection,
    destination: str,
    keys: Collection[str] | None = None,
    *,
    statuses: Collection[str] = (),
) -> dict[tuple[Object, str], LedgerEntry]:
    """Read the ledger entries of a destination.

    Args:
        connection: A database connection.
        destination: The destination's name.
        keys: Only these keys; all if None.
        statuses: Only those with one of these statuses; all if empty.

    Returns:
        (object, key) → ledger entry.
    """
    return {
        (row["object"], row["key"]): LedgerEntry(
            row["object"],
            row["key"],
            row["status"],
            row["remote_id"],
            row["fields"],
            row["reason"],
            row["intent"] or {},
            row["code"],
        )
        for row in read_ledger(connection, destination, keys, statuses=statuses)
    }


def read_remote_state(
    destination: Destination, desired: Sequence[DesiredRecord], ledger: LedgerEntries
) -> RemoteState:
    """Read the current state of the accounts' records.

    If the destination supports it.

    Args:
        destination: The destination to read.
        desired: The desired records.
        ledger: (object, key) → ledger entry.

    Returns:
        The remote state; empty for a destination without `compare`.
    """
    if not isinstance(destination, SupportsDriftCheck):
        return RemoteState()
    ops = build_compare_ops(desired, ledger)
    shown = {record.key: record for record in destination.compare(ops)} if ops else {}
    return RemoteState(frozenset(op.key for op in ops), shown)


class DestinationWriter(Struct, frozen=True):
    """The writer of one run to one destination."""

    store: LeasedStore
    name: str
    destination: Destination
    run_id: str
    clock: Callable[[], datetime]
    emit: Callable[[Event], None]

    def entries(self, keys: Collection[str] | None = None) -> dict[tuple[Object, str], LedgerEntry]:
        """Read the ledger entries by object and key.

        All, or those of some keys.
        """
        with self.store.read() as connection:
            return read_ledger_entries(connection, self.name, keys)

    def reconcile_pending(self) -> int:
        """Look up the outcome of unconfirmed writes and record it.

        Accounts are skipped: their update by id can be repeated.

        Returns:
            The number of unconfirmed writes.
        """
        with self.store.read() as connection:
            unconfirmed = read_ledger_entries(connection, self.name, statuses=OPEN_STATUSES)
        open_entries = {e.key: e for e in unconfirmed.values() if e.object != "account"}
        records = self.destination.find(list(open_entries)) if open_entries else ()
        receipts: list[dict[str, Any]] = [
            {
                "object": open_entries[record.key].object,
                "key": record.key,
                "status": "acked",
                "remote_id": record.remote_id,
                "fields": _get_settled_fields(open_entries[record.key]),
                "intent": None,
            }
            for record in records
        ]
        self._note(receipts)
        return len(open_entries)

    def push(self, plan: Sequence[PlanItem]) -> WriteResult:
        """Write the plan in batches.

        A refused credential or a lost connection ends the push; the next run resumes it.

        Args:
            plan: The items of the plan.

        Returns:
            The counts and problems of the push.
        """
        items = _merge_duplicates(plan)
        writes = start_result(plan, len(items))
        sent = 0
        for batch in _split_batches(items):
            sent += len(batch)
            try:
                self._write(batch, writes)
            except AnswerUnknown as error:
                writes.problems.append(str(error))
            except VendorError as error:
                writes.problems.append(str(error))
                writes.left += len(items) - sent
                break
        return writes

    def _write(self, batch: Sequence[PlanItem], writes: WriteResult) -> None:
        """Write a batch, with receipts of the answers as they come."""
        before = self._record_intents(batch)
        waiting = {item.key: item for item in batch}
        answered: list[Answered] = []
        try:
            for answer in self.destination.write([item.op for item in batch if item.op]):
                item = waiting.pop(answer.key, None)
                if item is not None:
                    answered.append((item, answer))
                if len(answered) == RECEIPT_SIZE:
                    self._record_answers(answered, before, writes)
                    answered = []
        except CsSyncError as error:
            self._record_answers(answered, before, writes)
            if isinstance(error, AnswerUnknown | Unreachable):
                self._record_unknown(waiting.values(), writes)
            else:
                writes.left += len(waiting)
            raise
        self._record_answers(answered, before, writes)
        self._record_unknown(waiting.values(), writes)

    def _record_intents(self, batch: Sequence[PlanItem]) -> LedgerEntries:
        before = self.entries([item.key for item in batch])
        rows = [
            {
                "object": item.object,
                "key": item.key,
                "account_id": item.account,
                "remote_id": item.op.remote_id if item.op else None,
                "intent": build_intent(item.op) if item.op else None,
            }
            for item in batch
        ]

        def record(connection: Connection) -> None:
            record_intents(connection, self.name, rows, self.clock(), self.run_id)

        self.store.transact(record)
        return before

    def _record_answers(
        self, answered: Sequence[Answered], before: LedgerEntries, writes: WriteResult
    ) -> None:
        """Record a receipt for every answer, and report the push's progress."""
        for item, answer in answered:
            writes.count(item, answer)
        self._note([build_receipt(item, answer, before) for item, answer in answered])
        if any(_is_other_record(item, answer) for item, answer in answered):
            lost = find_overwritten(answered, self.entries())
            writes.problems += [
                f"account {row['key']}: its record took another account's values, as the two were "
                "merged while we wrote; the next run writes it again"
                for row in lost
            ]
            self._note(lost)
        detail = {"of": writes.planned, **writes.counts()}
        self.emit(Event("write_done", self.clock(), self.name, "", detail))

    def _record_unknown(self, items: Collection[PlanItem], writes: WriteResult) -> None:
        """Record that it is not known whether these were written."""
        writes.unknown += len(items)
        self._note([{"object": i.object, "key": i.key, "status": "unknown"} for i in items])

    def _note(self, receipts: Sequence[Mapping[str, Any]]) -> None:
        def record(connection: Connection) -> None:
            record_receipts(connection, self.name, receipts, self.clock())

        if receipts:
            self.store.transact(record)


def _get_settled_fields(entry: LedgerEntry) -> dict[str, Any]:
    """Return the fields of an object that an unanswered attempt left.

    A creation has carried out all of it; a change may not have been, and is planned again.
    """
    if entry.remote_id is not None:
        return dict(entry.fields)
    return {name: value for name, value in entry.intent.items() if not name.startswith("@")}


def _is_other_record(item: PlanItem, answer: Ack | Reject) -> bool:
    """Return whether the write reached another record than intended, after a merge."""
    meant = item.op.remote_id if item.op else None
    return isinstance(answer, Ack) and item.object == "account" and answer.remote_id != meant


def _merge_duplicates(plan: Sequence[PlanItem]) -> list[PlanItem]:
    """Return the items to send, each key once; later values win."""
    items: dict[tuple[Object, str], PlanItem] = {}
    for item in plan:
        if item.op is None:
            continue
        first = items.get((item.object, item.key))
        if first is not None and first.op is not None:
            fields = {**first.op.fields, **item.op.fields}
            item = replace(item, record=change_op(item.record, fields=fields))
        items[item.object, item.key] = item
    return list(items.values())


def _split_batches(items: Sequence[PlanItem]) -> Iterator[list[PlanItem]]:
    """Yield accounts, then follow-ups, then notes, in batches."""
    for kind in ("account", "follow_up", "note"):
        rest = (item for item in items if item.object == kind)
        while batch := list(islice(rest, BATCH_SIZE)):
            yield batch

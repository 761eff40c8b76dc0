"""Desired CRM state: the fields of every account, and every follow-up; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from msgspec import Struct, field, structs

from cs_sync.contracts.destination import Addresses, Object, Op
from cs_sync.follow_ups import COMPANY
from cs_sync.write_back.fields import AccountFields, build_field_values
from cs_sync.write_back.plan import CLOSED, DesiredRecord, LedgerEntry
from cs_sync.write_back.tasks import SharedTask, group_tasks

RemoteRecords = Sequence[tuple[str, str]]


class DestinationIndex(Struct, frozen=True):
    """The destination's records of our accounts and its active owners.

    `emails` maps e-mail addresses in lower case to owner ids.

    A destination that addresses accounts by our own id has no such records and needs none.
    """

    name: str
    accounts: Mapping[str, RemoteRecords] = field(default_factory=dict)
    owners: frozenset[str] = frozenset()
    emails: Mapping[str, str] = field(default_factory=dict)
    addresses: Addresses = "records"
    names: Mapping[str, str] = field(default_factory=dict)
    """Account id → its name, for messages."""
    contexts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Key of an operation → its context, where the destination has no records of its own."""
    contacts: Mapping[str, str] = field(default_factory=dict)
    """Contact id → its record at the destination."""

    def make_record(self, op: Op, account: str, refusal: str | None = None) -> DesiredRecord:
        """Make the desired record of an operation, with its context.

        And the account's name.
        """
        about = self.contexts.get(op.key)
        op = replace(op, about=about) if about else op
        return DesiredRecord(op, account, self.names.get(account, ""), refusal)

    def find_record(self, account: str) -> tuple[str | None, str | None]:
        """Return an account's remote record id, or why there is none.

        Returns:
            (remote id, None) or (None, reason); both None for company-wide follow-ups.
        """
        if account == COMPANY:
            return None, None
        if self.addresses == "accounts":
            return account, None
        records = self.accounts.get(account, ())
        if len(records) == 1:
            return records[0][0], None
        if not records:
            return None, f"no matching record in {self.name}"
        ids = ", ".join(remote_id for remote_id, _ in records)
        return (
            None,
            f"{len(records)} records in {self.name} are this account: {ids}; merge them there",
        )

    def find_owner(self, row: Mapping[str, Any]) -> str | None:
        """Find the destination's owner id for a follow-up.

        None if there is none.
        """
        if row["assignee"]:
            return self.emails.get(row["assignee"])
        ours = row["owner_source"] == self.name and row["owner_source_id"] in self.owners
        return row["owner_source_id"] if ours else None


def follow_account_records(
    ledger: Mapping[tuple[Object, str], LedgerEntry], crm: DestinationIndex
) -> dict[tuple[Object, str], LedgerEntry]:
    """Return the ledger with each account's last written CRM record.

    A record that comes to another account takes along what was written to it.

    Args:
        ledger: (object, key) → ledger entry, oldest first.
        crm: The destination's index of records.
    """
    last = {entry.remote_id: entry for entry in ledger.values() if entry.object == "account"}
    followed = dict(ledger)
    for account in crm.accounts:
        record, _ = crm.find_record(account)
        if record in last and last[record].key != account:
            followed["account", account] = structs.replace(last[record], key=account)
    return followed


def build_account_records(
    portraits: Iterable[tuple[str, AccountFields]], crm: DestinationIndex, prefix: str
) -> Iterable[DesiredRecord]:
    """Yield one desired record per account, in the given order.

    Args:
        portraits: Account ids with their field values.
        crm: The destination's index of records.
        prefix: The prefix of our field names.
    """
    for account, portrait in portraits:
        remote_id, refusal = crm.find_record(account)
        values = build_field_values(portrait, prefix)
        yield crm.make_record(Op("account", account, values, remote_id), account, refusal)


def build_follow_up_records(
    rows: Iterable[Mapping[str, Any]],
    crm: DestinationIndex,
    ledger: Mapping[tuple[Object, str], LedgerEntry],
) -> Iterable[DesiredRecord]:
    """Yield the desired tasks and notes of follow-ups, in the given order.

    A task exists while one of its follow-ups is open, with a note per later fact. Once all
    of them are resolved it is closed if it was written.

    Args:
        rows: Rows of `follow_up`.
        crm: The destination's index of records.
        ledger: (object, key) → ledger entry.
    """
    for task in group_tasks(rows):
        written = ledger.get(("follow_up", task.key))
        remote_id, account = written.remote_id if written else None, task.first["account_id"]
        if task.is_open:
            yield _build_task(task, crm)
        elif task.is_needless and remote_id:
            account_remote_id, _ = crm.find_record(account)
            closed = Op("follow_up", task.key, {"status": CLOSED}, remote_id, account_remote_id)
            yield crm.make_record(closed, account)
        if remote_id and account != COMPANY:
            for row in task.rows:
                if row["state"] in ("open", "resolved"):
                    yield from _build_notes(row, task, crm)


def _build_task(task: SharedTask, crm: DestinationIndex) -> DesiredRecord:
    account = task.first["account_id"]
    remote_id, refusal = crm.find_record(account)
    fields = task.fields
    op = Op(
        "follow_up",
        task.key,
        {name: fields[name] for name in ("title", "body", "due_at", "priority", "kind")},
        account_remote_id=remote_id,
        owner_remote_id=crm.find_owner(task.first),
        contact_remote_id=crm.contacts.get(fields["contact_id"] or ""),
    )
    return crm.make_record(op, account, refusal)


def _build_notes(
    row: Mapping[str, Any], task: SharedTask, crm: DestinationIndex
) -> Iterable[DesiredRecord]:
    """Yield one note per fact learnt after the follow-up was first stored."""
    remote_id, refusal = crm.find_record(row["account_id"])
    for fact in row["evidence"]:
        if "since" in fact:
            fields = {"title": task.fields["title"], "body": fact["text"], "at": fact["since"]}
            key = build_note_key(row["key"], fact)
            op = Op("note", key, fields, account_remote_id=remote_id)
            yield crm.make_record(op, row["account_id"], refusal)


def build_note_key(follow_up: str, fact: Mapping[str, Any]) -> str:
    """Build the key of a follow-up's note about a fact.

    32 hexadecimal digits.

    Args:
        follow_up: The key of the follow-up.
        fact: The evidence, with an `id`.
    """
    return sha256(f"{follow_up}|{fact['id']}".encode()).hexdigest()[:32]

"""Plan of a push: the desired CRM state compared with the ledger; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field, structs

from cs_sync.contracts.destination import Object, Op, RemoteAccount, Value
from cs_sync.write_back.fields import DEPENDENT_FIELDS, GROWING_FIELDS, diff_fields, is_same_attempt

CLOSED = "closed"
"""The status of a follow-up that became needless before anybody began it."""

Action = Literal["create", "update", "unchanged", "refused"]
Status = Literal["pending", "acked", "rejected", "refused", "unknown"]
"""Of a rejected write the next run makes another attempt; of a refused one when it says more."""


class DesiredRecord(Struct, frozen=True):
    """A record that should exist in the CRM, or the reason why it cannot.

    op       the operation that writes it whole
    name     the account's name, for messages
    shown    the record's current state at the destination
    """

    op: Op
    account: str
    name: str = ""
    refusal: str | None = None
    shown: RemoteAccount | None = None

    @property
    def entry_key(self) -> tuple[Object, str]:
        """The key of the record's ledger entry."""
        return self.op.object, self.op.key


def change_op(record: DesiredRecord, **changes: Any) -> DesiredRecord:
    """Return the record with these fields of its operation changed."""
    return structs.replace(record, op=replace(record.op, **changes))


class LedgerEntry(Struct, frozen=True):
    """The ledger's entry for one key."""

    object: Object
    key: str
    status: Status
    remote_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    intent: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None

    @property
    def uncertain_fields(self) -> frozenset[str]:
        """The fields of an attempt with an unknown outcome."""
        return frozenset(self.intent if self.status in ("pending", "unknown") else ())

    @property
    def confirmed_fields(self) -> Mapping[str, Any]:
        """The fields known to be at the destination.

        Without those of an open attempt.
        """
        uncertain = self.uncertain_fields
        if not uncertain:
            return self.fields
        return {name: value for name, value in self.fields.items() if name not in uncertain}


class PlanItem(Struct, frozen=True):
    """One line of the plan: a desired record, its operation narrowed to what is to be written.

    `edited` has our fields changed by somebody at the destination: (ours, theirs).
    `standing` marks an earlier permanent refusal by the destination.
    """

    record: DesiredRecord
    action: Action
    changes: Mapping[str, tuple[Value, Value]]
    reason: str
    edited: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    standing: bool = False

    @property
    def op(self) -> Op | None:
        """The operation to send; None if nothing is to be written."""
        return self.record.op if self.action in ("create", "update") else None

    @property
    def object(self) -> Object:
        """The kind of the record."""
        return self.record.op.object

    @property
    def key(self) -> str:
        """The key of the record."""
        return self.record.op.key

    @property
    def account(self) -> str:
        """The account's id."""
        return self.record.account

    def __str__(self) -> str:
        """Return the record's kind and account, for messages."""
        name = self.record.name
        named = f"{name} ({self.account})" if name else self.account
        return f"{self.object.replace('_', '-')} {named}"


def make_plan(
    desired: Iterable[DesiredRecord], ledger: Mapping[tuple[Object, str], LedgerEntry], prefix: str
) -> list[PlanItem]:
    """Build the plan: one item per desired record, in the same order.

    Args:
        desired: The desired records.
        ledger: (object, key) → ledger entry.
        prefix: The prefix of our field names.
    """
    return [_plan_record(record, ledger.get(record.entry_key), prefix) for record in desired]


def reopen_refused(
    ledger: Mapping[tuple[Object, str], LedgerEntry],
) -> dict[tuple[Object, str], LedgerEntry]:
    """Return the ledger with all permanently refused writes open to another attempt."""
    return {
        key: structs.replace(entry, status="rejected") if entry.status == "refused" else entry
        for key, entry in ledger.items()
    }


def list_touched_accounts(plan: Sequence[PlanItem], prefix: str) -> set[str]:
    """Return the accounts of which the plan changes what the destination knows.

    A first write counts. Fields that an account of ours never had there, with what follows from
    them, change nothing that is known: a field that is new to all accounts is not a large change.
    Nor is a month more in the history.

    Args:
        plan: The plan.
        prefix: The prefix of our field names.
    """
    return {
        item.account
        for item in plan
        if item.op is not None and item.account and not _only_adds(item.op, prefix)
    }


def _only_adds(op: Op, prefix: str) -> bool:
    """Return whether a write only adds fields or months of history."""
    if op.object != "account" or not op.before:
        return False
    light = DEPENDENT_FIELDS | GROWING_FIELDS
    return not any(n in op.before for n in op.fields if n.removeprefix(prefix) not in light)


def build_intent(op: Op) -> dict[str, Any]:
    """Build the intent of a write: its fields, record and owner.

    The ledger keeps it until the outcome is known.
    """
    whom = {
        "@record": op.account_remote_id,
        "@owner": op.owner_remote_id,
        "@contact": op.contact_remote_id,
    }
    return {**op.fields, **{name: value for name, value in whom.items() if value is not None}}


def _plan_record(record: DesiredRecord, entry: LedgerEntry | None, prefix: str) -> PlanItem:
    is_account = record.op.object == "account"
    is_written = not is_account and entry is not None and entry.status == "acked"
    if record.refusal and not is_written:
        return PlanItem(record, "refused", {}, record.refusal)
    item = _plan_account(record, entry, prefix) if is_account else _plan_follow_up(record, entry)
    if entry and entry.status == "refused" and item.op is not None:
        return _skip_repeated_refusal(item, item.op, entry, prefix)
    return item


def _plan_account(record: DesiredRecord, entry: LedgerEntry | None, prefix: str) -> PlanItem:
    op = record.op
    own_entry = entry if entry and entry.remote_id == op.remote_id else None
    certain = own_entry.confirmed_fields if own_entry else {}
    other = record.shown.other if record.shown and own_entry else {}
    edited = {name: (certain.get(name), value) for name, value in other.items() if value}
    # What is empty there is filled again; what somebody typed is never emptied.
    old = {n: value for n, value in certain.items() if n not in other or n in edited}
    new = {n: value for n, value in op.fields.items() if n not in edited or value != ""}
    differing = diff_fields(old, new, prefix, own_entry.uncertain_fields if own_entry else ())
    if not differing and (own_entry is None or own_entry.status == "acked"):
        why = _describe_edited_fields(edited) or "nothing new to show"
        return PlanItem(record, "unchanged", {}, why, edited)
    fields = {name: value for name, (_, value) in differing.items()}
    shown = own_entry.fields if own_entry else {}
    before = {name: shown[name] for name in fields if name in shown}
    record = change_op(record, fields=fields, before=before)
    differing |= {n: (edited[n][1], value) for n, (_, value) in differing.items() if n in edited}
    why = _describe_last_attempt(own_entry) or ("first write" if own_entry is None else "changed")
    if edited:
        why += f"; {_describe_edited_fields(edited)}"
    return PlanItem(record, "update", differing, why, edited)


def _describe_edited_fields(edited: Mapping[str, tuple[Value, Value]]) -> str:
    edits = ", ".join(
        f"{name} is {remote!r}, ours {written!r}" for name, (written, remote) in edited.items()
    )
    return f"edited by someone at the destination: {edits}" if edits else ""


def _plan_follow_up(record: DesiredRecord, entry: LedgerEntry | None) -> PlanItem:
    """Plan the creation, change or closing of a follow-up or note."""
    fields = record.op.fields
    closing = fields.get("status") == CLOSED
    if entry and entry.remote_id and record.op.object == "follow_up" and not closing:
        return _plan_revision(record, entry)
    if entry and entry.status == "acked" and (not closing or entry.fields.get("status") == CLOSED):
        why = "closed already" if closing else "exists already"
        return PlanItem(record, "unchanged", {}, why)
    differing = {name: (None, value) for name, value in fields.items() if value is not None}
    why = _describe_last_attempt(entry) or ("no longer needed" if closing else "new")
    action: Action = "update" if closing else "create"
    return PlanItem(record, action, differing, why)


def _plan_revision(record: DesiredRecord, entry: LedgerEntry) -> PlanItem:
    """Plan a change of an existing task by its known fields."""
    differing = {
        name: (entry.fields[name], value)
        for name, value in record.op.fields.items()
        if name in entry.fields and not _is_same_value(entry.fields[name], value)
    }
    if not differing:
        return PlanItem(record, "unchanged", {}, "exists already")
    record = change_op(
        record,
        fields={name: value for name, (_, value) in differing.items()},
        before={name: value for name, (value, _) in differing.items()},
        remote_id=entry.remote_id,
        owner_remote_id=None,
        contact_remote_id=None,
    )
    why = _describe_last_attempt(entry) or "what the account needs has changed"
    return PlanItem(record, "update", differing, why)


def _is_same_value(stored: Value, value: Value) -> bool:
    """Return whether a stored value is the desired one.

    Its times are texts.
    """
    if isinstance(value, datetime) and isinstance(stored, str):
        return datetime.fromisoformat(stored) == value
    return stored == value


def _skip_repeated_refusal(item: PlanItem, op: Op, entry: LedgerEntry, prefix: str) -> PlanItem:
    """Skip a write equal to the refused attempt.

    A different one passes.
    """
    moved = item.object == "account" and entry.remote_id != op.remote_id
    if moved or not is_same_attempt(entry.intent, build_intent(op), prefix):
        return item
    why = (
        f"refused: {entry.code}: {entry.reason}; tried again when there is something else to say, "
        "or with `cs-sync push --retry-refused`"
    )
    return structs.replace(item, action="refused", reason=why, standing=True)


def _describe_last_attempt(entry: LedgerEntry | None) -> str | None:
    if entry is None or entry.status == "acked":
        return None
    if entry.status in ("rejected", "refused"):
        return f"rejected last time: {entry.reason}"
    return "the outcome of the last attempt is unknown; it is settled before anything is written"

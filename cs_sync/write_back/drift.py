"""Drift of CRM records since the last write: merges, deletions, edits; pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from cs_sync.contracts.destination import Object, Op, RemoteAccount
from cs_sync.write_back.plan import DesiredRecord, LedgerEntry, PlanItem, change_op


class RemoteState(Struct, frozen=True):
    """The current state of the destination's records, by the requested record id.

    A record in `checked` but not in `shown` was deleted or archived.
    """

    checked: frozenset[str] = frozenset()
    shown: Mapping[str, RemoteAccount] = field(default_factory=dict)


def build_compare_ops(
    desired: Iterable[DesiredRecord], ledger: Mapping[tuple[Object, str], LedgerEntry]
) -> list[Op]:
    """Build one comparison per record to read, with its expected fields.

    The key of an operation is the record's id.
    """
    expected: dict[str, Op] = {}
    for record in desired:
        entry, op = ledger.get(record.entry_key), record.op
        if record.refusal is not None:
            continue
        if op.object == "account" and op.remote_id is not None:
            fields = entry.confirmed_fields if entry else {}
            expected[op.remote_id] = Op("account", op.remote_id, fields, op.remote_id)
        elif op.account_remote_id is not None and not (entry and entry.status == "acked"):
            remote_id = op.account_remote_id
            expected.setdefault(remote_id, Op("account", remote_id, {}, remote_id))
    return list(expected.values())


def follow_merges(desired: Sequence[DesiredRecord], remote: RemoteState) -> list[DesiredRecord]:
    """Point desired records at surviving CRM records, or refuse them.

    Args:
        desired: The desired records.
        remote: The current state of the CRM records.

    Returns:
        The desired records in the same order.
    """
    moved = [_follow_merge(record, remote) for record in desired]
    sharing: dict[str, list[tuple[DesiredRecord, DesiredRecord]]] = {}
    for before, now in zip(desired, moved, strict=True):
        if now.op.object == "account" and now.op.remote_id is not None and now.refusal is None:
            sharing.setdefault(now.op.remote_id, []).append((before, now))
    refused = {
        now.op.key: _refuse_shared_record(before, now, pairs)
        for pairs in sharing.values()
        if len(pairs) > 1
        for before, now in pairs
    }
    return [
        replace(record, refusal=refused.get(record.op.key))
        if record.op.object == "account" and not record.refusal
        else record
        for record in moved
    ]


def describe_edits(plan: Iterable[PlanItem]) -> list[str]:
    """Describe foreign edits of our fields, one line per account."""
    return [
        f"{item}: "
        + ", ".join(
            f"{name} is {remote!r}, ours {written!r}"
            for name, (written, remote) in item.edited.items()
        )
        for item in plan
        if item.edited
    ]


def _follow_merge(record: DesiredRecord, remote: RemoteState) -> DesiredRecord:
    op = record.op
    remote_id = op.remote_id if op.object == "account" else op.account_remote_id
    if record.refusal is not None or remote_id not in remote.checked:
        return record
    shown = remote.shown.get(remote_id)
    if shown is None:
        why = (
            f"record {remote_id} is gone (archived or deleted): restore it, or sync to find another"
        )
        return replace(record, refusal=why)
    if op.object == "account":
        return replace(change_op(record, remote_id=shown.remote_id), shown=shown)
    return change_op(record, account_remote_id=shown.remote_id)


def _refuse_shared_record(
    before: DesiredRecord, now: DesiredRecord, pairs: Sequence[tuple[DesiredRecord, DesiredRecord]]
) -> str | None:
    """Return why an account may not write to a shared record."""
    survivor = now.op.remote_id
    own = [record.op.key for record, _ in pairs if record.op.remote_id == survivor]
    if own == [now.op.key]:
        return None
    others = ", ".join(sorted(other.account for _, other in pairs if other.op.key != now.op.key))
    return (
        f"record {before.op.remote_id} was merged into {survivor}, which is {others}, too: "
        "the next sync finds out who is who"
    )

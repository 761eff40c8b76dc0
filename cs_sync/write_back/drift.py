"""Drift of CRM records since the last write: merges, deletions, edits; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cs_sync.contracts.destination import Object, Op, RemoteAccount
from cs_sync.write_back.plan import DesiredRecord, LedgerEntry, PlanItem


@dataclass(frozen=True, slots=True)
class RemoteState:
    """The current state of the destination's records, by the requested record id.

    A record in `asked` but not in `shown` was deleted or archived.
    """

    asked: frozenset[str] = frozenset()
    shown: Mapping[str, RemoteAccount] = field(default_factory=dict)


def build_compare_ops(
    wishes: Iterable[DesiredRecord], ledger: Mapping[tuple[Object, str], LedgerEntry]
) -> list[Op]:
    """Build one comparison per record to read, with its expected fields.

    The key of an operation is the record's id.
    """
    expected: dict[str, Op] = {}
    for wish in wishes:
        entry = ledger.get((wish.object, wish.key))
        if wish.refusal is not None:
            continue
        if wish.object == "account" and wish.remote_id is not None:
            fields = entry.confirmed_fields if entry else {}
            expected[wish.remote_id] = Op("account", wish.remote_id, fields, wish.remote_id)
        elif wish.account_remote_id is not None and not (entry and entry.status == "acked"):
            remote_id = wish.account_remote_id
            expected.setdefault(remote_id, Op("account", remote_id, {}, remote_id))
    return list(expected.values())


def follow_merges(wishes: Sequence[DesiredRecord], looked: RemoteState) -> list[DesiredRecord]:
    """Point desired records at the surviving CRM records, or refuse them with a reason.

    Args:
        wishes: The desired records.
        looked: The current state of the CRM records.

    Returns:
        The desired records in the same order.
    """
    moved = [_follow_merge(wish, looked) for wish in wishes]
    sharing: dict[str, list[tuple[DesiredRecord, DesiredRecord]]] = {}
    for before, now in zip(wishes, moved, strict=True):
        if now.object == "account" and now.remote_id is not None and now.refusal is None:
            sharing.setdefault(now.remote_id, []).append((before, now))
    refused = {
        now.key: _refuse_shared_record(before, now, pairs)
        for pairs in sharing.values()
        if len(pairs) > 1
        for before, now in pairs
    }
    return [
        replace(wish, refusal=refused.get(wish.key))
        if wish.object == "account" and not wish.refusal
        else wish
        for wish in moved
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


def _follow_merge(wish: DesiredRecord, looked: RemoteState) -> DesiredRecord:
    remote_id = wish.remote_id if wish.object == "account" else wish.account_remote_id
    if wish.refusal is not None or remote_id not in looked.asked:
        return wish
    shown = looked.shown.get(remote_id)
    if shown is None:
        why = (
            f"record {remote_id} is gone (archived or deleted): restore it, or sync to find another"
        )
        return replace(wish, refusal=why)
    if wish.object == "account":
        return replace(wish, remote_id=shown.remote_id, shown=shown)
    return replace(wish, account_remote_id=shown.remote_id)


def _refuse_shared_record(
    before: DesiredRecord, now: DesiredRecord, pairs: Sequence[tuple[DesiredRecord, DesiredRecord]]
) -> str | None:
    """Return why an account may not write to a shared record; None for its own."""
    own = [wish.key for wish, _ in pairs if wish.remote_id == now.remote_id]
    if own == [now.key]:
        return None
    others = ", ".join(sorted(other.account for _, other in pairs if other.key != now.key))
    return (
        f"record {before.remote_id} was merged into {now.remote_id}, which is {others}, too: "
        "the next sync finds out who is who"
    )

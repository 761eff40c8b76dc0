"""What a push would do: what should be in the CRM, compared with what the ledger knows; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cs_sync.contracts.destination import Object, Op, Value
from cs_sync.write_back.fields import changes

CLOSED = "closed"
"""The status of a follow-up that became needless before anybody began it."""

Action = Literal["create", "update", "unchanged", "refused"]


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that should be in the CRM, or why it cannot be."""

    object: Object
    key: str
    account: str
    fields: Mapping[str, Value]
    remote_id: str | None = None
    account_remote_id: str | None = None
    owner_remote_id: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one key."""

    object: Object
    key: str
    status: Literal["pending", "acked", "rejected", "unknown"]
    remote_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    intent: Mapping[str, Any] = field(default_factory=dict)

    @property
    def certain(self) -> Mapping[str, Any]:
        """The fields that the destination surely shows: not those of an attempt left open."""
        if self.status not in ("pending", "unknown"):
            return self.fields
        return {name: value for name, value in self.fields.items() if name not in self.intent}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the plan; `op` is what a push would send."""

    object: Object
    key: str
    account: str
    action: Action
    changes: Mapping[str, tuple[Value, Value]]
    reason: str
    op: Op | None = None


def make_plan(
    wishes: Iterable[Wish], ledger: Mapping[tuple[Object, str], Entry], prefix: str
) -> list[Item]:
    """One item per wish, in the order given."""
    return [_item(wish, ledger.get((wish.object, wish.key)), prefix) for wish in wishes]


def touched_accounts(plan: Sequence[Item]) -> set[str]:
    """Accounts that a push would change something of."""
    return {item.account for item in plan if item.op is not None and item.account}


def _item(wish: Wish, entry: Entry | None, prefix: str) -> Item:
    if wish.refusal:
        return Item(wish.object, wish.key, wish.account, "refused", {}, wish.refusal)
    if wish.object == "account":
        return _account_item(wish, entry, prefix)
    return _follow_up_item(wish, entry)


def _account_item(wish: Wish, entry: Entry | None, prefix: str) -> Item:
    known = entry if entry and entry.remote_id == wish.remote_id else None
    differing = changes(known.certain if known else {}, wish.fields, prefix)
    if not differing and (known is None or known.status == "acked"):
        return Item(wish.object, wish.key, wish.account, "unchanged", {}, "nothing new to show")
    fields = {name: new for name, (_, new) in differing.items()}
    shown = known.fields if known else {}
    before = {name: shown[name] for name in fields if name in shown}
    op = Op("account", wish.key, fields, remote_id=wish.remote_id, before=before)
    why = _again(known) or ("first write" if known is None else "changed")
    return Item(wish.object, wish.key, wish.account, "update", differing, why, op)


def _follow_up_item(wish: Wish, entry: Entry | None) -> Item:
    """A follow-up or a note to be created, or a follow-up that is there to be closed."""
    closing = wish.fields.get("status") == CLOSED
    if entry and entry.status == "acked" and (not closing or entry.fields.get("status") == CLOSED):
        why = "closed already" if closing else "exists already"
        return Item(wish.object, wish.key, wish.account, "unchanged", {}, why)
    op = Op(
        wish.object,
        wish.key,
        wish.fields,
        remote_id=wish.remote_id,
        account_remote_id=wish.account_remote_id,
        owner_remote_id=wish.owner_remote_id,
    )
    differing = {name: (None, value) for name, value in wish.fields.items() if value is not None}
    why = _again(entry) or ("no longer needed" if closing else "new")
    action: Action = "update" if closing else "create"
    return Item(wish.object, wish.key, wish.account, action, differing, why, op)


def _again(entry: Entry | None) -> str | None:
    if entry is None or entry.status == "acked":
        return None
    if entry.status == "rejected":
        return f"rejected last time: {entry.reason}"
    return "the outcome of the last attempt is unknown; it is settled before anything is written"

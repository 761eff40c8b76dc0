"""What a push would do: what should be in the CRM, compared with what the ledger knows; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cs_sync.contracts.destination import Object, Op, Shown, Value
from cs_sync.write_back.fields import changes, is_same_attempt

CLOSED = "closed"
"""The status of a follow-up that became needless before anybody began it."""

Action = Literal["create", "update", "unchanged", "refused"]
Status = Literal["pending", "acked", "rejected", "refused", "unknown"]
"""Of a rejected write the next run makes another attempt; of a refused one when it says more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that should be in the CRM, or why it cannot be.

    `name` is the account's, for messages. `shown` is what a look at its record found.
    """

    object: Object
    key: str
    account: str
    fields: Mapping[str, Value]
    remote_id: str | None = None
    account_remote_id: str | None = None
    owner_remote_id: str | None = None
    refusal: str | None = None
    name: str = ""
    shown: Shown | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one key."""

    object: Object
    key: str
    status: Status
    remote_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    intent: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None

    @property
    def unsure(self) -> frozenset[str]:
        """The fields of an attempt whose outcome is not known."""
        return frozenset(self.intent if self.status in ("pending", "unknown") else ())

    @property
    def certain(self) -> Mapping[str, Any]:
        """The fields that the destination surely shows: not those of an attempt left open."""
        return {name: value for name, value in self.fields.items() if name not in self.unsure}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the plan; `op` is what a push would send.

    `edited` has the fields of ours that somebody changed at the destination: (ours, theirs).
    `standing` marks what the destination refused for good before.
    """

    object: Object
    key: str
    account: str
    action: Action
    changes: Mapping[str, tuple[Value, Value]]
    reason: str
    op: Op | None = None
    name: str = ""
    edited: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    standing: bool = False

    def __str__(self) -> str:
        """Which record it is about, as a reader knows it."""
        named = f"{self.name} ({self.account})" if self.name else self.account
        return f"{self.object.replace('_', '-')} {named}"


def make_plan(
    wishes: Iterable[Wish], ledger: Mapping[tuple[Object, str], Entry], prefix: str
) -> list[Item]:
    """One item per wish, in the order given."""
    return [_item(wish, ledger.get((wish.object, wish.key)), prefix) for wish in wishes]


def retried(
    ledger: Mapping[tuple[Object, str], Entry],
) -> dict[tuple[Object, str], Entry]:
    """The ledger with everything that was refused for good open to another attempt."""
    return {
        key: replace(entry, status="rejected") if entry.status == "refused" else entry
        for key, entry in ledger.items()
    }


def touched_accounts(plan: Sequence[Item]) -> set[str]:
    """Accounts that a push would change something of."""
    return {item.account for item in plan if item.op is not None and item.account}


def intent_of(op: Op) -> dict[str, Any]:
    """What an attempt says, and to whom: what the ledger keeps until the outcome is known."""
    whom = {"@record": op.account_remote_id, "@owner": op.owner_remote_id}
    return {**op.fields, **{name: value for name, value in whom.items() if value is not None}}


def _item(wish: Wish, entry: Entry | None, prefix: str) -> Item:
    there = wish.object != "account" and entry is not None and entry.status == "acked"
    if wish.refusal and not there:
        item = Item(wish.object, wish.key, wish.account, "refused", {}, wish.refusal)
    elif wish.object == "account":
        item = _account_item(wish, entry, prefix)
    else:
        item = _follow_up_item(wish, entry)
    if entry and entry.status == "refused" and item.op is not None:
        item = _refused_again(item, item.op, entry, prefix)
    return replace(item, name=wish.name)


def _account_item(wish: Wish, entry: Entry | None, prefix: str) -> Item:
    known = entry if entry and entry.remote_id == wish.remote_id else None
    certain = known.certain if known else {}
    other = wish.shown.other if wish.shown and known else {}
    edited = {name: (certain.get(name), value) for name, value in other.items() if value}
    # What is empty there is filled again; what somebody typed is never emptied.
    old = {n: value for n, value in certain.items() if n not in other or n in edited}
    new = {n: value for n, value in wish.fields.items() if n not in edited or value != ""}
    differing = changes(old, new, prefix, known.unsure if known else ())
    if not differing and (known is None or known.status == "acked"):
        why = _told_of(edited) or "nothing new to show"
        return Item("account", wish.key, wish.account, "unchanged", {}, why, edited=edited)
    fields = {name: value for name, (_, value) in differing.items()}
    shown = known.fields if known else {}
    before = {name: shown[name] for name in fields if name in shown}
    op = Op("account", wish.key, fields, remote_id=wish.remote_id, before=before)
    differing |= {n: (edited[n][1], value) for n, (_, value) in differing.items() if n in edited}
    why = _again(known) or ("first write" if known is None else "changed")
    if edited:
        why += f"; {_told_of(edited)}"
    return Item("account", wish.key, wish.account, "update", differing, why, op, edited=edited)


def _told_of(edited: Mapping[str, tuple[Value, Value]]) -> str:
    told = ", ".join(
        f"{name} is {theirs!r}, ours {ours!r}" for name, (ours, theirs) in edited.items()
    )
    return f"edited by someone at the destination: {told}" if told else ""


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


def _refused_again(item: Item, op: Op, entry: Entry, prefix: str) -> Item:
    """Leave out what would only be refused again; anything else than the last attempt may go."""
    moved = item.object == "account" and entry.remote_id != op.remote_id
    if moved or not is_same_attempt(entry.intent, intent_of(op), prefix):
        return item
    why = (
        f"refused: {entry.code}: {entry.reason}; tried again when there is something else to say, "
        "or with `cs-sync push --retry-refused`"
    )
    return replace(item, action="refused", op=None, reason=why, standing=True)


def _again(entry: Entry | None) -> str | None:
    if entry is None or entry.status == "acked":
        return None
    if entry.status in ("rejected", "refused"):
        return f"rejected last time: {entry.reason}"
    return "the outcome of the last attempt is unknown; it is settled before anything is written"

"""What a look at the accounts' records changes of the wishes: merges, deletions, edits; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cs_sync.contracts.destination import Object, Op, Shown
from cs_sync.write_back.plan import Entry, Item, Wish


@dataclass(frozen=True, slots=True)
class Looked:
    """What the destination showed, by the record's id as it was asked for.

    Of those in `asked` that are not in `shown` the record is gone.
    """

    asked: frozenset[str] = frozenset()
    shown: Mapping[str, Shown] = field(default_factory=dict)


def to_compare(wishes: Iterable[Wish], ledger: Mapping[tuple[Object, str], Entry]) -> list[Op]:
    """One operation per record to look at, with what it should show; its key is the record's id."""
    expected: dict[str, Op] = {}
    for wish in wishes:
        entry = ledger.get((wish.object, wish.key))
        if wish.refusal is not None:
            continue
        if wish.object == "account" and wish.remote_id is not None:
            fields = entry.certain if entry else {}
            expected[wish.remote_id] = Op("account", wish.remote_id, fields, wish.remote_id)
        elif wish.account_remote_id is not None and not (entry and entry.status == "acked"):
            there = wish.account_remote_id
            expected.setdefault(there, Op("account", there, {}, there))
    return list(expected.values())


def followed(wishes: Sequence[Wish], looked: Looked) -> list[Wish]:
    """The wishes with the records that stand for their accounts now, or why there is none."""
    moved = [_moved(wish, looked) for wish in wishes]
    sharing: dict[str, list[tuple[Wish, Wish]]] = {}
    for before, now in zip(wishes, moved, strict=True):
        if now.object == "account" and now.remote_id is not None and now.refusal is None:
            sharing.setdefault(now.remote_id, []).append((before, now))
    refused = {
        now.key: _shared(before, now, pairs)
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


def edits(plan: Iterable[Item]) -> list[str]:
    """Who edited what of ours, in words, one line per account."""
    return [
        f"{item}: "
        + ", ".join(
            f"{name} is {theirs!r}, ours {ours!r}" for name, (ours, theirs) in item.edited.items()
        )
        for item in plan
        if item.edited
    ]


def _moved(wish: Wish, looked: Looked) -> Wish:
    there = wish.remote_id if wish.object == "account" else wish.account_remote_id
    if wish.refusal is not None or there not in looked.asked:
        return wish
    shown = looked.shown.get(there)
    if shown is None:
        why = f"record {there} is gone (archived or deleted): restore it, or sync to find another"
        return replace(wish, refusal=why)
    if wish.object == "account":
        return replace(wish, remote_id=shown.remote_id, shown=shown)
    return replace(wish, account_remote_id=shown.remote_id)


def _shared(before: Wish, now: Wish, pairs: Sequence[tuple[Wish, Wish]]) -> str | None:
    """Why an account is not written to a record that others have, too; None for its own."""
    own = [one.key for one, _ in pairs if one.remote_id == now.remote_id]
    if own == [now.key]:
        return None
    others = ", ".join(sorted(other.account for _, other in pairs if other.key != now.key))
    return (
        f"record {before.remote_id} was merged into {now.remote_id}, which is {others}, too: "
        "the next sync finds out who is who"
    )

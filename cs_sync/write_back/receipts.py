"""What a push came to: the counts, and a receipt for every operation that was answered; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cs_sync.contracts.destination import Ack, Object, Reject
from cs_sync.write_back.plan import Entry, Item, intent_of

TOLD = 20
"""Problems that are told one by one; a wrong rule would otherwise print every account."""

Entries = Mapping[tuple[Object, str], Entry]


@dataclass(slots=True)
class Writes:
    """What a push came to; `problems` in words, one per record or call.

    `left` were not begun because the push was stopped; they are planned again next time.
    """

    create: int = 0
    update: int = 0
    unchanged: int = 0
    rejected: int = 0
    unknown: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The counts as the `runs` command prints them."""
        names = ("create", "update", "unchanged", "rejected", "unknown")
        return {name: getattr(self, name) for name in names}

    def told(self) -> list[str]:
        """The problems as they are shown at the end of a run."""
        more = len(self.problems) - TOLD
        rest = [f"… and {more} more; `cs-sync plan` lists them"] if more > 0 else []
        waiting = f"{self.left} writes wait for the next run, which goes on from here"
        return [*self.problems[:TOLD], *rest, *([waiting] if self.left else [])]

    def count(self, item: Item, answer: Ack | Reject) -> None:
        """Count one answer."""
        if isinstance(answer, Reject):
            self.rejected += 1
            self.problems.append(f"{item}: {answer.code}: {answer.reason}")
        elif answer.existed:
            self.unchanged += 1
        elif item.action == "create":
            self.create += 1
        else:
            self.update += 1


def begun(plan: Sequence[Item]) -> Writes:
    """The writes of a plan before anything is sent: what is unchanged, what stays refused."""
    standing = [item for item in plan if item.standing]
    return Writes(
        unchanged=sum(item.action == "unchanged" for item in plan),
        rejected=len(standing),
        problems=[f"{item}: {item.reason}" for item in standing],
    )


def receipt(item: Item, answer: Ack | Reject, before: Entries) -> dict[str, Any]:
    """What the ledger keeps of an answer."""
    entry = before.get((item.object, item.key))
    row: dict[str, Any] = {"object": item.object, "key": item.key}
    if isinstance(answer, Reject):
        status = "refused" if answer.lasting else "rejected"
        row |= {"status": status, "code": answer.code, "reason": answer.reason}
        certain = dict(entry.certain) if entry is not None else {}
        return {**row, "fields": certain, "intent": intent_of(item.op) if item.op else None}
    same = entry is not None and entry.remote_id in (None, answer.remote_id)
    known = dict(entry.certain) if entry is not None and same else {}
    sent = dict(item.op.fields) if item.op else {}
    row |= {"status": "acked", "remote_id": answer.remote_id, "code": None, "reason": None}
    return {**row, "fields": {**known, **sent}, "intent": None}


def overwritten(
    answered: Iterable[tuple[Item, Ack | Reject]], entries: Entries
) -> list[dict[str, Any]]:
    """Accounts whose record took another account's values, as the two had been merged meanwhile.

    What theirs shows is not known any more, so that it is written again.
    """
    return [
        {
            "object": entry.object,
            "key": entry.key,
            "status": "unknown",
            "intent": {**{name: entry.intent[name] for name in entry.unsure}, **intent_of(item.op)},
        }
        for item, answer in answered
        if isinstance(answer, Ack) and item.object == "account" and item.op is not None
        if answer.remote_id != item.op.remote_id
        for entry in entries.values()
        if entry.object == "account" and entry.remote_id == answer.remote_id
        if entry.key != item.key
    ]

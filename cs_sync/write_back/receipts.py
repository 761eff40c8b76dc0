"""Result of a push: counts, and a receipt for every answered operation; pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from cs_sync.contracts.destination import Ack, Object, Reject
from cs_sync.write_back.plan import LedgerEntry, PlanItem, build_intent

MAX_SHOWN_PROBLEMS = 20
"""Maximum of problems printed one by one; a wrong rule would otherwise print every account."""

LedgerEntries = Mapping[tuple[Object, str], LedgerEntry]


class WriteResult(Struct):
    """The result of a push; `problems` has one message per record or call.

    `planned` counts the writes to be sent, `left` those not started before the push stopped; the
    next run plans them again.
    """

    planned: int = 0
    create: int = 0
    update: int = 0
    unchanged: int = 0
    rejected: int = 0
    unknown: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the counts by outcome, as in the `runs` command."""
        names = ("create", "update", "unchanged", "rejected", "unknown")
        return {name: getattr(self, name) for name in names}

    def describe_problems(self) -> list[str]:
        """Return the problems for the end of a run, shortened."""
        more = len(self.problems) - MAX_SHOWN_PROBLEMS
        rest = [f"… and {more} more; `cs-sync plan` lists them"] if more > 0 else []
        waiting = f"{self.left} writes wait for the next run, which resumes here"
        return [*self.problems[:MAX_SHOWN_PROBLEMS], *rest, *([waiting] if self.left else [])]

    def count(self, item: PlanItem, answer: Ack | Reject) -> None:
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


def start_result(plan: Sequence[PlanItem], planned: int) -> WriteResult:
    """Start a plan's result with its unchanged and refused items.

    Permanently refused ones.
    """
    standing = [item for item in plan if item.standing]
    return WriteResult(
        planned=planned,
        unchanged=sum(item.action == "unchanged" for item in plan),
        rejected=len(standing),
        problems=[f"{item}: {item.reason}" for item in standing],
    )


def build_receipt(item: PlanItem, answer: Ack | Reject, before: LedgerEntries) -> dict[str, Any]:
    """Build the ledger row for an answer.

    Args:
        item: The item sent.
        answer: The destination's answer.
        before: The ledger entries before the write.

    Returns:
        A row of the write ledger.
    """
    entry = before.get((item.object, item.key))
    row: dict[str, Any] = {"object": item.object, "key": item.key}
    if isinstance(answer, Reject):
        status = "refused" if answer.lasting else "rejected"
        row |= {"status": status, "code": answer.code, "reason": answer.reason}
        certain = dict(entry.confirmed_fields) if entry is not None else {}
        return {**row, "fields": certain, "intent": build_intent(item.op) if item.op else None}
    same = entry is not None and entry.remote_id in (None, answer.remote_id)
    confirmed = dict(entry.confirmed_fields) if entry is not None and same else {}
    sent = dict(item.op.fields) if item.op else {}
    row |= {"status": "acked", "remote_id": answer.remote_id, "code": None, "reason": None}
    return {**row, "fields": {**confirmed, **sent}, "intent": None}


def find_overwritten(
    answered: Iterable[tuple[PlanItem, Ack | Reject]], entries: LedgerEntries
) -> list[dict[str, Any]]:
    """Return the ledger rows of accounts overwritten with another account's values.

    This happens when two records were merged during the push. The outcome of the
    overwritten account becomes unknown, so the next run writes it again.

    Args:
        answered: The items with their answers.
        entries: The ledger entries after the write.

    Returns:
        Rows of the write ledger with status `unknown`.
    """
    return [
        {
            "object": entry.object,
            "key": entry.key,
            "status": "unknown",
            "intent": {
                **{name: entry.intent[name] for name in entry.uncertain_fields},
                **build_intent(item.op),
            },
        }
        for item, answer in answered
        if isinstance(answer, Ack) and item.object == "account" and item.op is not None
        if answer.remote_id != item.op.remote_id
        for entry in entries.values()
        if entry.object == "account" and entry.remote_id == answer.remote_id
        if entry.key != item.key
    ]

"""Import of identity answers: all of a file in one transaction, then one resolution."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection

from cs_sync.contracts.events import Event
from cs_sync.i18n.counts import count_noun
from cs_sync.identity import Answer, RecordRef
from cs_sync.jobs.answer_file import FileAnswer, read_answer_file, refuse_rows
from cs_sync.jobs.derive import derive_accounts_and_mrr
from cs_sync.jobs.identity_answers import describe_answer, find_contradiction, list_answers
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.naming import map_records_to_accounts
from cs_sync.store.queries.account_answers import (
    StoredAnswer,
    insert_answers,
    read_stored_answers,
    undo_answer,
)
from cs_sync.store.queries.derived_state import ACCOUNTS_STREAM, DERIVED_SOURCE
from cs_sync.store.records.stream_state import delete_stream_state


class ImportPlan(Struct):
    """What an import changes: new answers, and numbers of answers to undo.

    `numbers` are those here of all answers in the file.
    """

    new: list[StoredAnswer] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything is to be stored."""
        return bool(self.new or self.undone)


def import_answers(workspace: Workspace, path: Path) -> list[dict[str, Any]]:
    """Import the answers of a file, and resolve the accounts once.

    An answer that is here already is left as it is, so that a second import changes nothing.

    Args:
        workspace: The workspace.
        path: A CSV, JSON or JSON Lines file of answers.

    Returns:
        The rows of the answers in the file, as they are here.

    Raises:
        ConfigError: A row is wrong, or an answer contradicts another; nothing is stored.
    """
    with record_run(workspace, "accounts import") as recorded:
        now = workspace.clock()
        given = read_answer_file(path, now)

        def save(connection: Connection) -> ImportPlan:
            plan = plan_import(given, read_stored_answers(connection))
            remedy = "delete the rows of one of them, or revert one with cs-sync accounts undo"
            refuse_rows(path, plan.problems, remedy)
            insert_answers(connection, [_date_answer(answer, now) for answer in plan.new])
            for number in plan.undone:
                undo_answer(connection, number, now)
            if plan.changes:
                # An answer may be older than the last resolution, which it changes all the same.
                delete_stream_state(connection, DERIVED_SOURCE, ACCOUNTS_STREAM)
            return plan

        plan = recorded.transact(save)
        recorded.statuses.append("ok")
        if plan.changes:
            derive_accounts_and_mrr(recorded)
        _emit_result(workspace, plan, given)
    return [row for row in list_answers(workspace) if row["answer"] in plan.numbers]


def plan_import(given: Sequence[FileAnswer], stored: Sequence[StoredAnswer]) -> ImportPlan:
    """Compare the answers of a file with those here.

    One is here already if it has the same records and time, or counts here, too. A new one
    keeps its number where that is free.

    Args:
        given: The answers of the file, by number.
        stored: The answers here.
    """
    plan = ImportPlan()
    taken = {entry.answer.number for entry in stored}
    last = max((*taken, *(entry.answer.number for entry in given)), default=0)
    for entry in given:
        same = _find_same(entry, [*stored, *plan.new])
        if same is not None:
            plan.numbers.add(same.answer.number)
            if not entry.counts and same.undone_at is None:
                plan.undone.append(same.answer.number)
            continue
        number = entry.answer.number
        if number in taken:
            number = last = last + 1
        answer = replace(entry.answer, number=number)
        plan.numbers.add(number)
        plan.new.append(StoredAnswer(answer, entry.decided_at, entry.undone_at))
    plan.problems += _find_contradictions(given, stored, plan)
    return plan


def _find_same(entry: FileAnswer, others: Iterable[StoredAnswer]) -> StoredAnswer | None:
    """Return the answer with the same records and time, if any."""
    alike = [
        other
        for other in others
        if _get_content(other.answer) == _get_content(entry.answer)
        and (
            (entry.decided_at is not None and other.decided_at == entry.decided_at)
            or (entry.counts and other.undone_at is None)
        )
    ]
    return min(alike, key=lambda other: other.decided_at != entry.decided_at, default=None)


def _get_content(answer: Answer) -> tuple[str, Sequence[RecordRef] | frozenset[RecordRef]]:
    """Return what an answer says: of links and splits the order counts."""
    refs = answer.refs
    return answer.kind, frozenset(refs) if answer.kind == "test" else refs


def _find_contradictions(
    given: Sequence[FileAnswer], stored: Sequence[StoredAnswer], plan: ImportPlan
) -> list[str]:
    """Describe answers that contradict an earlier one."""
    valid = [
        entry.answer
        for entry in stored
        if entry.undone_at is None and entry.answer.number not in plan.undone
    ]
    problems, above = [], list[FileAnswer]()
    for entry in (entry for entry in given if entry.counts):
        here = find_contradiction(entry.answer, valid)
        earlier = find_contradiction(entry.answer, [other.answer for other in above])
        if here:
            where = f"answer {here.number} here: {describe_answer(here)}"
            problems.append(f"line {entry.line}: it contradicts {where}")
        elif earlier:
            line = next(other.line for other in above if other.answer is earlier)
            where = f"line {line}: {describe_answer(earlier)}"
            problems.append(f"line {entry.line}: it contradicts {where}")
        above.append(entry)
    return problems


def _date_answer(entry: StoredAnswer, now: Any) -> StoredAnswer:
    return replace(entry, decided_at=entry.decided_at or entry.undone_at or now)


def _emit_result(workspace: Workspace, plan: ImportPlan, given: Sequence[FileAnswer]) -> None:
    """Emit the counts, and which records are not known yet."""
    same = len(given) - len(plan.new) - len(plan.undone)
    message = f"{count_noun(len(plan.new), 'answer')} imported, {len(plan.undone)} undone, "
    message += f"{same} here already"
    detail = {"step": "accounts import", "message": message}
    workspace.emit(Event("step_ended", workspace.clock(), detail=detail))
    refs = sorted({ref for entry in given if entry.counts for ref in entry.answer.refs})
    with workspace.store.read() as connection:
        known = map_records_to_accounts(connection, refs)
    unknown = [ref for ref in refs if ref not in known]
    if unknown:
        listed = ", ".join(map(str, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        message = (
            f"not known here yet: {count_noun(len(unknown), 'record')} ({listed}); what was "
            "answered about them counts when they are synced"
        )
        workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))

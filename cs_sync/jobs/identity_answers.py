"""Identity answers given by a person: saved, applied at once, and withdrawn."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection

from cs_sync.contracts.errors import ConfigError
from cs_sync.identity import Answer, RecordRef
from cs_sync.jobs.derive import derive_accounts_and_mrr
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.naming import map_records_to_accounts, resolve_records
from cs_sync.store.queries.account_answers import (
    StoredAnswer,
    insert_answers,
    read_all_answers,
    read_stored_answers,
    undo_answer,
)

Kind = Literal["link", "split", "test"]


def record_answer(
    workspace: Workspace, kind: Kind, named: Sequence[str], reason: str | None
) -> list[dict[str, Any]]:
    """Save an identity answer and resolve the accounts again.

    Args:
        workspace: The workspace.
        kind: link, split or test.
        named: The records concerned, as given by the person.
        reason: The person's reason.

    Returns:
        The answer's rows.

    Raises:
        ConfigError: A record is unknown, or the answer contradicts an active one.
    """
    with record_run(workspace, f"accounts {kind}") as recorded:
        now = workspace.clock()
        precedence = workspace.precedence

        def save(connection: Connection) -> int:
            refs = resolve_records(connection, named, precedence, apart=kind == "split")
            stored = read_stored_answers(connection)
            number = max((entry.answer.number for entry in stored), default=0) + 1
            answer = Answer(number, kind, tuple(refs), reason)
            _refuse_contradiction(answer, [o.answer for o in stored if o.undone_at is None])
            insert_answers(connection, [StoredAnswer(answer, now)])
            return number

        number = recorded.transact(save)
        recorded.statuses.append("ok")
        derive_accounts_and_mrr(recorded)
    return [row for row in list_answers(workspace) if row["answer"] == number]


def withdraw_answer(workspace: Workspace, number: int) -> list[dict[str, Any]]:
    """Withdraw an identity answer and resolve the accounts again.

    Args:
        workspace: The workspace.
        number: The number of the answer.

    Returns:
        The answer's rows.

    Raises:
        ConfigError: There is no active answer with this number.
    """
    with record_run(workspace, "accounts undo") as recorded:
        now = workspace.clock()
        if not recorded.transact(lambda c: undo_answer(c, number, now)):
            raise ConfigError(
                f"there is no answer {number} that counts", "see cs-sync accounts answers"
            )
        recorded.statuses.append("ok")
        derive_accounts_and_mrr(recorded)
    return [row for row in list_answers(workspace) if row["answer"] == number]


def list_answers(workspace: Workspace) -> list[dict[str, Any]]:
    """List the answers, one row per answer and record."""
    with workspace.store.read() as connection:
        rows = read_all_answers(connection)
        account_of = map_records_to_accounts(
            connection, [RecordRef(r["source"], r["source_id"]) for r in rows]
        )
    fields = ("answer", "kind", "source", "source_id", "reason", "decided_at", "undone_at")
    return [
        {name: row[name] for name in fields}
        | {"account": account_of.get(RecordRef(row["source"], row["source_id"]))}
        for row in rows
    ]


def _refuse_contradiction(answer: Answer, others: Sequence[Answer]) -> None:
    """Raise ConfigError for an answer that contradicts an active one."""
    if earlier := find_contradiction(answer, others):
        raise ConfigError(
            f"answer {earlier.number} contradicts this: {describe_answer(earlier)}",
            f"revert it first: cs-sync accounts undo {earlier.number}",
        )


def find_contradiction(answer: Answer, others: Sequence[Answer]) -> Answer | None:
    """Return the first answer that contradicts this one."""
    for other in others:
        is_contrary = {answer.kind, other.kind} == {"link", "split"}
        if is_contrary and len(set(answer.refs) & set(other.refs)) > 1:
            return other
    return None


def describe_answer(answer: Answer) -> str:
    """Describe a link or split in a sentence."""
    verb = "are one account" if answer.kind == "link" else "are not the same"
    return f"{', '.join(map(str, answer.refs))} {verb}"

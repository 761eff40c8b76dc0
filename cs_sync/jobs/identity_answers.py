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
    read_all_answers,
    read_answers,
    save_answer,
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
            _refuse_contradiction(connection, kind, refs)
            return save_answer(connection, kind, refs, reason, now)

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
    """List the answers: one row per answer and record, with the record's current account."""
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


def _refuse_contradiction(connection: Connection, kind: Kind, refs: Sequence[RecordRef]) -> None:
    """Raise ConfigError for an answer that contradicts an active one."""
    for earlier in read_answers(connection):
        if {kind, earlier.kind} == {"link", "split"} and len(set(refs) & set(earlier.refs)) > 1:
            raise ConfigError(
                f"answer {earlier.number} says the contrary: {_describe_answer(earlier)}",
                f"take it back first: cs-sync accounts undo {earlier.number}",
            )


def _describe_answer(earlier: Answer) -> str:
    verb = "are one account" if earlier.kind == "link" else "are not the same"
    return f"{', '.join(map(str, earlier.refs))} {verb}"

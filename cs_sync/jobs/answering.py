"""What a person answers about who is who: kept, applied at once, and taken back."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection

from cs_sync.contracts.errors import ConfigError
from cs_sync.identity import Answer, Ref
from cs_sync.jobs.derive import derive
from cs_sync.jobs.recording import recorded_run
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.answers import (
    all_answers,
    read_answers,
    save_answer,
    undo_answer,
)
from cs_sync.store.leases import check_lease
from cs_sync.store.naming import accounts_of, records_named

Kind = Literal["link", "split", "test"]


def answer(
    workspace: Workspace, kind: Kind, named: Sequence[str], reason: str | None
) -> list[dict[str, Any]]:
    """Keep an answer and resolve who is who again; the answer's rows. Raises ConfigError."""
    with recorded_run(workspace, f"accounts {kind}") as recorded:
        with workspace.store.write() as connection:
            check_lease(connection, recorded.held)
            refs = records_named(connection, named, apart=kind == "split")
            _allow(connection, kind, refs)
            number = save_answer(connection, kind, refs, reason, workspace.clock())
        recorded.statuses.append("ok")
        derive(recorded)
    return [row for row in answers(workspace) if row["answer"] == number]


def undo(workspace: Workspace, number: int) -> list[dict[str, Any]]:
    """Take an answer back and resolve who is who again; its rows. Raises ConfigError."""
    with recorded_run(workspace, "accounts undo") as recorded:
        with workspace.store.write() as connection:
            check_lease(connection, recorded.held)
            if not undo_answer(connection, number, workspace.clock()):
                raise ConfigError(
                    f"there is no answer {number} that counts", "see cs-sync accounts answers"
                )
        recorded.statuses.append("ok")
        derive(recorded)
    return [row for row in answers(workspace) if row["answer"] == number]


def answers(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per record of each answer, with the account that it is now."""
    with workspace.store.read() as connection:
        rows = all_answers(connection)
        account_of = accounts_of(connection, [Ref(r["source"], r["source_id"]) for r in rows])
    fields = ("answer", "kind", "source", "source_id", "reason", "decided_at", "undone_at")
    return [
        {name: row[name] for name in fields}
        | {"account": account_of.get(Ref(row["source"], row["source_id"]))}
        for row in rows
    ]


def _allow(connection: Connection, kind: Kind, refs: Sequence[Ref]) -> None:
    """Refuse an answer that says the contrary of one that counts."""
    for earlier in read_answers(connection):
        if {kind, earlier.kind} == {"link", "split"} and len(set(refs) & set(earlier.refs)) > 1:
            raise ConfigError(
                f"answer {earlier.number} says the contrary: {_said(earlier)}",
                f"take it back first: cs-sync accounts undo {earlier.number}",
            )


def _said(earlier: Answer) -> str:
    verb = "are one account" if earlier.kind == "link" else "are not the same"
    return f"{', '.join(map(str, earlier.refs))} {verb}"

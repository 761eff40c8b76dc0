"""Rows that one question gives, kept while the tables that they rest on stay as they were."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cs_sync.queries.kept_results import hash_parts
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_figures import (
    DAY_TABLES,
    Figure,
    Rows,
    read_figures,
    read_settled_versions,
    read_versions_before,
    renew_figures,
    save_figures,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What gives rows: of what JSON knows by itself.

    `parts` are a name, and everything that the rows rest on beside the tables. `until` is the day
    before which lie all days that they rest on; None: any may count.
    """

    parts: tuple[Any, ...]
    tables: frozenset[str]
    compute: Callable[[], Rows]
    until: date | None = None


def keep_rows(
    workspace: Workspace,
    question: tuple[Any, ...],
    tables: Iterable[str],
    compute: Callable[[], Rows],
) -> Rows:
    """Return the rows of a question, kept or computed.

    Args:
        workspace: The workspace.
        question: A name, and everything that the rows rest on beside the tables.
        tables: The names of the tables.
        compute: Computes the rows: of what JSON knows by itself.
    """
    (rows,) = answer_questions(workspace, [Question(question, frozenset(tables), compute)])
    return rows


def answer_questions(workspace: Workspace, questions: Sequence[Question]) -> list[Rows]:
    """Return the rows of each question, kept or computed."""
    policy = get_mrr_policy(workspace).hash
    keys = [hash_parts([*question.parts, policy]) for question in questions]
    with workspace.store.read() as connection:
        found = read_figures(connection, keys)
    renew_figures(workspace.store, found)
    return [
        found.rows[key] if key in found.rows else _compute_rows(workspace, question, key)
        for key, question in zip(keys, questions, strict=True)
    ]


def _compute_rows(workspace: Workspace, question: Question, key: str) -> Rows:
    """Compute the rows of a question, and keep them."""
    end = question.until
    with workspace.store.read() as connection:
        versions = read_settled_versions(connection, question.tables, workspace.clock())
        days = DAY_TABLES & versions.keys() if end else ()
        before = read_versions_before(connection, [(name, str(end)) for name in days])
    rows = question.compute()
    policy = get_mrr_policy(workspace).hash
    figure = Figure(key, question.parts[0], policy, question.tables, rows, end)
    save_figures(workspace.store, [figure], versions, workspace.clock(), before)
    return rows

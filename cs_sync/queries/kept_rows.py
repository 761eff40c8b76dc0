"""Rows that one question gives, kept while the tables that they rest on stay as they were."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

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


class Question(Struct, frozen=True):
    """What gives rows: of what JSON knows by itself.

    `parts` are a name, and everything that the rows rest on beside the tables. `until` is the day
    before which lie all days that they rest on; None: any may count. Questions with one `compute`
    are computed together: it is given the `subject` of each.
    """

    parts: tuple[Any, ...]
    tables: frozenset[str]
    compute: Callable[[Sequence[Any]], Sequence[Rows]]
    until: date | None = None
    subject: Any = None


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
    only = Question(question, frozenset(tables), lambda _: [compute()])
    (rows,) = answer_questions(workspace, [only])
    return rows


def answer_questions(workspace: Workspace, questions: Sequence[Question]) -> list[Rows]:
    """Return the rows of each question, kept or computed."""
    policy = get_mrr_policy(workspace).hash
    asked = {hash_parts([*question.parts, policy]): question for question in questions}
    with workspace.store.read() as connection:
        figures = read_figures(connection, asked)
    renew_figures(workspace.store, figures)
    new = {key: question for key, question in asked.items() if key not in figures.rows}
    answers = {**figures.rows, **_compute_answers(workspace, new)}
    return [answers[key] for key in asked]


def _compute_answers(workspace: Workspace, asked: Mapping[str, Question]) -> dict[str, Rows]:
    """Compute the rows of questions by their key, and keep them."""
    if not asked:
        return {}
    policy = get_mrr_policy(workspace).hash
    read = frozenset().union(*(question.tables for question in asked.values()))
    with workspace.store.read() as connection:
        versions = read_settled_versions(connection, read, workspace.clock())
        ends = {
            (name, str(question.until))
            for question in asked.values()
            for name in DAY_TABLES & question.tables & versions.keys()
            if question.until is not None
        }
        before = read_versions_before(connection, ends)
    together: dict[Any, list[str]] = {}
    for key, question in asked.items():
        together.setdefault(question.compute, []).append(key)
    rows = {
        key: rows_of_one
        for compute, keys in together.items()
        for key, rows_of_one in zip(keys, compute([asked[k].subject for k in keys]), strict=True)
    }
    figures = [
        Figure(key, each.parts[0], policy, each.tables, rows[key], each.until)
        for key, each in asked.items()
    ]
    save_figures(workspace.store, figures, versions, workspace.clock(), before)
    return {figure.key: figure.rows for figure in figures}

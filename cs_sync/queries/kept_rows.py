"""Rows that one question gives, kept while the tables that they rest on stay as they were."""

from collections.abc import Callable, Iterable
from typing import Any

from cs_sync.queries.kept_results import hash_parts
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_figures import (
    Figure,
    Rows,
    read_figures,
    read_settled_versions,
    save_figures,
)


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
    policy = get_mrr_policy(workspace).hash
    key, read = hash_parts([*question, policy]), frozenset(tables)
    with workspace.store.read() as connection:
        kept = read_figures(connection, [key]).get(key)
        if kept is not None:
            return kept
        versions = read_settled_versions(connection, read, workspace.clock())
    rows = compute()
    figure = Figure(key, question[0], policy, read, rows)
    save_figures(workspace.store, [figure], versions, workspace.clock())
    return rows

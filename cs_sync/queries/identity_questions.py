"""Open identity questions, in a sentence for runs and reports."""

from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.account_answers import count_questions


def describe_open_questions(workspace: Workspace) -> list[str]:
    """Describe the open identity questions in one sentence; empty without any."""
    with workspace.store.read() as connection:
        counts = count_questions(connection)
    accounts, people = counts.get("account", 0), counts.get("contact", 0)
    parts = []
    if accounts:
        parts.append(f"{accounts:,} account {'record' if accounts == 1 else 'records'}")
    if people:
        parts.append(f"{people:,} {'person' if people == 1 else 'people'}")
    return (
        [f"{' and '.join(parts)} could belong to several accounts: {CONFLICTS_HINT}"]
        if parts
        else []
    )


CONFLICTS_HINT = "cs-sync accounts --conflicts lists them and says what to do"

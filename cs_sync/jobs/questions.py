"""What is open about who is who, in a sentence for whoever looks at a run or a report."""

from cs_sync.jobs.workspace import Workspace
from cs_sync.store.answers import count_questions


def open_questions(workspace: Workspace) -> list[str]:
    """What waits for an answer, in a sentence; none when nothing does."""
    with workspace.store.read() as connection:
        found = count_questions(connection)
    accounts, people = found.get("account", 0), found.get("contact", 0)
    told = []
    if accounts:
        told.append(f"{accounts:,} account {'record' if accounts == 1 else 'records'}")
    if people:
        told.append(f"{people:,} {'person' if people == 1 else 'people'}")
    return [f"{' and '.join(told)} could belong to several accounts: {LOOK}"] if told else []


LOOK = "cs-sync accounts --conflicts lists them and says what to do"

"""Account context of operations, for destinations without records of our accounts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from cs_sync.jobs.follow_up_rows import ADDED_AT
from cs_sync.queries.score import ScoredAccount
from cs_sync.store.queries.follow_ups import read_owners
from cs_sync.store.queries.people import read_contact_facts
from cs_sync.store.queries.source_links import read_links_by_account
from cs_sync.write_back.desired_state import build_note_key
from cs_sync.write_back.tasks import get_task_key

OpContext = Mapping[str, Any]


def build_op_contexts(
    connection: Connection, scored: Iterable[ScoredAccount], follow_ups: Sequence[Mapping[str, Any]]
) -> dict[str, OpContext]:
    """Build the context of every operation: name, owner and links.

    A follow-up also has its playbook, assignee (an e-mail address) and contact, a note its
    follow-up.

    Args:
        connection: A database connection.
        scored: The scored accounts.
        follow_ups: Rows of `follow_up`.

    Returns:
        Key of the operation → context.
    """
    owners, links = read_owners(connection), read_links_by_account(connection)
    people = read_contact_facts(connection)
    contexts: dict[str, OpContext] = {}
    for account in (item.account for item in scored):
        owner = owners.get((account["owner_source"] or "", account["owner_source_id"] or ""))
        contexts[account["id"]] = {
            "name": account["name"],
            "owner": owner.email.lower() if owner and owner.email and owner.is_active else None,
            "links": links.get(account["id"], {}),
        }
    for row in follow_ups:
        context = {**contexts.get(row["account_id"], {}), "assignee": row["assignee"]}
        contexts[row["key"]] = {
            **context,
            "playbook": row["playbook"],
            "contact": people.get((row["task"] or row)["contact_id"] or ""),
        }
        for fact in row["evidence"]:
            if ADDED_AT in fact:
                contexts[build_note_key(row["key"], fact)] = {
                    **contexts[row["key"]],
                    "follow_up": get_task_key(row),
                }
    return contexts

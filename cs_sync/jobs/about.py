"""Who a message is about, for destinations that have no records of our accounts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from cs_sync.jobs.follow_ups import NEWS
from cs_sync.jobs.score import Scored
from cs_sync.store.follow_ups import read_owners
from cs_sync.store.links import links_by_account
from cs_sync.write_back.wishes import note_key

About = Mapping[str, Any]


def about(
    connection: Connection, scored: Iterable[Scored], follow_ups: Sequence[Mapping[str, Any]]
) -> dict[str, About]:
    """The key of every operation that there may be → name, owner and links of its account.

    A follow-up also names its playbook and who gets it (an e-mail address), a note its follow-up.
    """
    owners, links = read_owners(connection), links_by_account(connection)
    found: dict[str, About] = {}
    for account in (one.account for one in scored):
        owner = owners.get((account["owner_source"] or "", account["owner_source_id"] or ""))
        found[account["id"]] = {
            "name": account["name"],
            "owner": owner.email.lower() if owner and owner.email and owner.is_active else None,
            "links": links.get(account["id"], {}),
        }
    for row in follow_ups:
        told = {**found.get(row["account_id"], {}), "assignee": row["assignee"]}
        found[row["key"]] = {**told, "playbook": row["playbook"]}
        for fact in row["evidence"]:
            if NEWS in fact:
                found[note_key(row["key"], fact)] = {**found[row["key"]], "follow_up": row["key"]}
    return found

"""Matching of open to-dos at a destination with new follow-ups; pure."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Any

from cs_sync.contracts.destination import OpenFollowUp
from cs_sync.follow_ups import parse_playbook_name
from cs_sync.write_back.desired_state import DestinationIndex


def match_open_follow_ups(
    new: Iterable[Mapping[str, Any]],
    remote: Iterable[OpenFollowUp],
    own_keys: Container[str],
    crm: DestinationIndex,
) -> dict[str, str]:
    """Map the keys of new follow-ups to those of the open to-dos they repeat.

    A to-do with an unknown key was written before our database was lost. It counts as one
    new follow-up of the same playbook on the same record, so no duplicate is created.

    Args:
        new: Rows of `follow_up` that are open and not yet written, in order of priority.
        there: The open to-dos on the records of their accounts, oldest first.
        known: The keys of all our follow-ups.
        crm: The destination's index of records.

    Returns:
        Key of a new follow-up → key of the open to-do.
    """
    unclaimed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for follow_up in remote:
        if follow_up.key not in own_keys:
            unclaimed[follow_up.account_remote_id, parse_playbook_name(follow_up.key)].append(
                follow_up.key
            )
    keys: dict[str, str] = {}
    for row in new:
        record, _ = crm.find_record(row["account_id"])
        waiting = unclaimed.get((record or "", row["playbook"]))
        if waiting:
            keys[row["key"]] = waiting.pop(0)
    return keys

"""Which open to-dos at a destination are follow-ups that we are about to create again; pure."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Any

from cs_sync.contracts.destination import OpenFollowUp
from cs_sync.follow_ups import playbook_of
from cs_sync.write_back.wishes import Crm


def keys_to_take_over(
    new: Iterable[Mapping[str, Any]],
    there: Iterable[OpenFollowUp],
    known: Container[str],
    crm: Crm,
) -> dict[str, str]:
    """Map the key of a new follow-up to that of the open to-do which it repeats.

    A to-do under a key that we do not know was written before our database was lost. It stands for
    one new follow-up of the same playbook at the same record, so that none gets a twin.

    Args:
        new: Rows of `follow_up` that are open and not written yet, in the order of their turns.
        there: What is open at the records of their accounts, the oldest first.
        known: The keys of all our follow-ups.
        crm: Tells which record stands for an account.
    """
    unclaimed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in there:
        if one.key not in known:
            unclaimed[one.account_remote_id, playbook_of(one.key)].append(one.key)
    keys: dict[str, str] = {}
    for row in new:
        record, _ = crm.record_of(row["account_id"])
        waiting = unclaimed.get((record or "", row["playbook"]))
        if waiting:
            keys[row["key"]] = waiting.pop(0)
    return keys

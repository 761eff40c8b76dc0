"""Matching of open to-dos at a destination with new follow-ups; pure."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from cs_sync.contracts.destination import OpenFollowUp
from cs_sync.follow_ups import parse_playbook_name
from cs_sync.write_back.desired_state import DestinationIndex
from cs_sync.write_back.tasks import SharedTask

Changes = dict[str, dict[str, Any]]
"""Key of a follow-up → its new values of `key` and `lead`."""


def match_open_follow_ups(
    new: Iterable[SharedTask],
    remote: Iterable[OpenFollowUp],
    own_keys: Container[str],
    crm: DestinationIndex,
) -> Changes:
    """Attach new tasks to their account's open to-dos; avoid a second.

    A to-do with an unknown key was written before our database was lost. It counts as one
    new follow-up of the same playbook on the same record, which takes its key; follow-ups
    that match none join the first to-do there.

    Args:
        new: The tasks that are not yet written, most urgent first.
        remote: The open to-dos on the records of their accounts, oldest first.
        own_keys: The keys of all our follow-ups.
        crm: The destination's index of records.

    Returns:
        The follow-ups to change.
    """
    open_keys: dict[str, list[str]] = defaultdict(list)
    for follow_up in remote:
        open_keys[follow_up.account_remote_id].append(follow_up.key)
    changes: Changes = {}
    for task in new:
        record, _ = crm.find_record(task.first["account_id"])
        rows = [row for row in task.rows if row["state"] == "open"]
        waiting = open_keys.get(record or "", [])
        matches = _match_rows(rows, waiting, own_keys)
        tasks = [*matches.values(), *(key for key in waiting if key not in own_keys)]
        if tasks:
            changes |= _join_rows(rows, matches, tasks[0])
    return changes


def _match_rows(
    rows: Sequence[Mapping[str, Any]], waiting: list[str], own_keys: Container[str]
) -> dict[str, str]:
    """Map keys of follow-ups to those of their to-dos, and remove these."""
    matches: dict[str, str] = {}
    for row in rows:
        same = [key for key in waiting if key == row["key"]]
        alike = [
            key
            for key in waiting
            if key not in own_keys and parse_playbook_name(key) == row["playbook"]
        ]
        match = next(iter([*same, *alike]), None)
        if match is not None:
            waiting.remove(match)
            matches[row["key"]] = match
    return matches


def _join_rows(rows: Sequence[Mapping[str, Any]], matches: Mapping[str, str], task: str) -> Changes:
    """Return new keys of follow-ups with a to-do, and others' task."""
    changes: Changes = {}
    for row in rows:
        key = matches.get(row["key"])
        values = {"lead": task} if key is None else {"key": key, "lead": None}
        if any(row[name] != value for name, value in values.items()):
            changes[row["key"]] = values
    return changes

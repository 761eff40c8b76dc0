"""Reuse of open follow-ups written by an earlier database, instead of duplicates."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from cs_sync.contracts.destination import Destination, SupportsOpenFollowUps
from cs_sync.contracts.errors import VendorError
from cs_sync.jobs.follow_up_rows import build_point_note
from cs_sync.jobs.follow_ups import DecidedFollowUps
from cs_sync.runtime.run_session import RunSession
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.crm_records import read_remote_accounts
from cs_sync.store.queries.follow_ups import update_follow_up
from cs_sync.write_back.desired_state import DestinationIndex
from cs_sync.write_back.open_follow_ups import Changes, match_open_follow_ups
from cs_sync.write_back.tasks import get_task_key, group_tasks
from cs_sync.write_back.writer import read_ledger_entries


def take_over_open_follow_ups(
    recorded: RunSession, opened: Sequence[tuple[str, Destination]], follow_ups: DecidedFollowUps
) -> Mapping[str, VendorError]:
    """Join new follow-ups with the open to-dos they repeat.

    Returns:
        Destination → error while reading it; nothing may be created there now.
    """
    failures: dict[str, VendorError] = {}
    for name, destination in opened:
        try:
            changes = find_open_duplicates(recorded.workspace, name, destination, follow_ups)
        except VendorError as error:
            failures[name] = error
            continue
        if changes:
            _store_changes(recorded, changes)
            follow_ups.apply(changes)
    return failures


def find_open_duplicates(
    workspace: Workspace, name: str, destination: Destination, follow_ups: DecidedFollowUps
) -> Changes:
    """Find the new follow-ups that open to-dos of a destination speak for.

    Returns:
        Key of a follow-up → its new values; one that joins a to-do has a note for it.
    """
    if not isinstance(destination, SupportsOpenFollowUps):
        return {}
    with workspace.store.read() as connection:
        ledger = read_ledger_entries(connection, name)
        crm = DestinationIndex(
            name, read_remote_accounts(connection, name), addresses=destination.addresses
        )
    new = [
        task
        for task in group_tasks(follow_ups.rows)
        if task.is_open and ("follow_up", task.key) not in ledger
    ]
    accounts = {task.first["account_id"] for task in new}
    records = {record for account in accounts if (record := crm.find_record(account)[0])}
    remote = list(destination.open_follow_ups(sorted(records))) if records else []
    keys = {row["key"] for row in follow_ups.rows}
    changes = match_open_follow_ups(new, remote, keys, crm)
    open_keys, now = {follow_up.key for follow_up in remote}, workspace.clock()
    for row in follow_ups.rows:
        values = changes.get(row["key"], {})
        if values.get("lead") in open_keys and get_task_key(row) != values["lead"]:
            values["evidence"] = [*row["evidence"], build_point_note(row, now)]
    return changes


def _store_changes(recorded: RunSession, changes: Changes) -> None:
    def change(connection: Connection) -> None:
        for key, values in changes.items():
            update_follow_up(connection, key, values)

    recorded.transact(change)

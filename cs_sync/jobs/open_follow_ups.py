"""Reuse of open follow-ups written by an earlier database, instead of duplicates."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from cs_sync.contracts.destination import Destination, SupportsOpenFollowUps
from cs_sync.contracts.errors import VendorError
from cs_sync.jobs.follow_ups import DecidedFollowUps
from cs_sync.runtime.run_session import RunSession
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.crm_records import read_remote_accounts
from cs_sync.store.queries.follow_ups import rename_follow_ups
from cs_sync.write_back.desired_state import DestinationIndex
from cs_sync.write_back.open_follow_ups import match_open_follow_ups
from cs_sync.write_back.writer import read_ledger_entries


def take_over_open_follow_ups(
    recorded: RunSession, opened: Sequence[tuple[str, Destination]], follow_ups: DecidedFollowUps
) -> Mapping[str, VendorError]:
    """Give new follow-ups the keys of the open to-dos they repeat, and store them.

    Returns:
        Destination → error while reading it; nothing may be created there now.
    """
    failures: dict[str, VendorError] = {}
    for name, destination in opened:
        try:
            keys = find_open_duplicates(recorded.workspace, name, destination, follow_ups)
        except VendorError as error:
            failures[name] = error
            continue
        if keys:
            _store_keys(recorded, keys)
            follow_ups.rename(keys)
    return failures


def find_open_duplicates(
    workspace: Workspace, name: str, destination: Destination, follow_ups: DecidedFollowUps
) -> Mapping[str, str]:
    """Map the keys of new follow-ups to the keys of open ones at a destination."""
    if not isinstance(destination, SupportsOpenFollowUps):
        return {}
    with workspace.store.read() as connection:
        ledger = read_ledger_entries(connection, name)
        crm = DestinationIndex(
            name, read_remote_accounts(connection, name), addresses=destination.addresses
        )
    new = [
        row
        for row in follow_ups.rows
        if row["state"] == "open" and ("follow_up", row["key"]) not in ledger
    ]
    records = {record for row in new if (record := crm.find_record(row["account_id"])[0])}
    remote = destination.open_follow_ups(sorted(records)) if records else ()
    return match_open_follow_ups(new, remote, {row["key"] for row in follow_ups.rows}, crm)


def _store_keys(recorded: RunSession, keys: Mapping[str, str]) -> None:
    def rename(connection: Connection) -> None:
        rename_follow_ups(connection, keys)

    recorded.transact(rename)

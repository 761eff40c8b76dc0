"""Follow-ups that an earlier database wrote are taken over instead of being created again."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from cs_sync.contracts.destination import Destination, SupportsOpenFollowUps
from cs_sync.contracts.errors import VendorError
from cs_sync.jobs.follow_ups import FollowUps
from cs_sync.jobs.recording import Recorded
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.crm import remote_accounts
from cs_sync.store.follow_ups import rename_follow_ups
from cs_sync.store.leases import check_lease
from cs_sync.write_back.push import read_entries
from cs_sync.write_back.take_over import keys_to_take_over
from cs_sync.write_back.wishes import Crm


def take_over(
    recorded: Recorded, opened: Sequence[tuple[str, Destination]], follow_ups: FollowUps
) -> Mapping[str, VendorError]:
    """Give new follow-ups the keys of the open to-dos that they repeat, and store that.

    Returns:
        Destination → why it could not be asked; nothing may be created there now.
    """
    failures: dict[str, VendorError] = {}
    for name, destination in opened:
        try:
            keys = find_repeated(recorded.workspace, name, destination, follow_ups)
        except VendorError as error:
            failures[name] = error
            continue
        if keys:
            _store(recorded, keys)
            follow_ups.rename(keys)
    return failures


def find_repeated(
    workspace: Workspace, name: str, destination: Destination, follow_ups: FollowUps
) -> Mapping[str, str]:
    """Map the keys of new follow-ups to those under which they are open at a destination."""
    if not isinstance(destination, SupportsOpenFollowUps):
        return {}
    with workspace.store.read() as connection:
        ledger = read_entries(connection, name)
        crm = Crm(name, remote_accounts(connection, name), addresses=destination.addresses)
    new = [
        row
        for row in follow_ups.rows
        if row["state"] == "open" and ("follow_up", row["key"]) not in ledger
    ]
    records = {record for row in new if (record := crm.record_of(row["account_id"])[0])}
    there = destination.open_follow_ups(sorted(records)) if records else ()
    return keys_to_take_over(new, there, {row["key"] for row in follow_ups.rows}, crm)


def _store(recorded: Recorded, keys: Mapping[str, str]) -> None:
    def rename(connection: Connection) -> None:
        check_lease(connection, recorded.held)
        rename_follow_ups(connection, keys)

    recorded.workspace.store.transact(rename)

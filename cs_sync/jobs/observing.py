"""Reading back what people made of the follow-ups that were written."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from cs_sync.contracts.destination import Destination, Found
from cs_sync.contracts.errors import VendorError
from cs_sync.jobs.recording import Recorded
from cs_sync.store.follow_ups import change_follow_up, read_follow_ups
from cs_sync.store.leases import check_lease
from cs_sync.write_back.push import read_entries

FRESH = timedelta(hours=1)
"""How long a follow-up may be missing at the destination before it counts as deleted there."""


def read_back(recorded: Recorded, name: str, destination: Destination) -> None:
    """Note which of the written follow-ups are done, begun or deleted, and which came back.

    A destination that cannot be asked now leaves everything as it was, and the run says so.
    """
    workspace = recorded.workspace
    with workspace.store.read() as connection:
        ledger = read_entries(connection, name)
        live = [row for row in read_follow_ups(connection) if row["state"] in ("open", "deleted")]
    stored = {row["key"]: row for row in live}
    keys = [key for key in stored if _is_written(ledger.get(("follow_up", key)))]
    try:
        found = list(destination.find(keys)) if keys else []
    except VendorError as error:
        recorded.messages.append(f"what became of the follow-ups is not known: {error}")
        recorded.statuses.append("partial")
        return
    changes = {one.key: _change(recorded, stored[one.key], one) for one in found}
    if destination.addresses == "records":
        now = workspace.clock()
        gone = _gone({key: stored[key] for key in keys}, changes, now)
        changes |= {key: {"state": "deleted", "ended_at": now} for key in gone}

    def keep(connection: Connection) -> None:
        check_lease(connection, recorded.held)
        for key, values in changes.items():
            if values:
                change_follow_up(connection, key, values)

    workspace.store.transact(keep)


def _is_written(entry: Any) -> bool:
    return entry is not None and entry.status == "acked"


def _change(recorded: Recorded, row: dict[str, Any], found: Found) -> dict[str, Any]:
    if found.fields.get("done"):
        ended_at = found.fields.get("done_at") or recorded.workspace.clock()
        return {"state": "done", "touched": True, "ended_at": ended_at}
    change: dict[str, Any] = {}
    if row["state"] == "deleted":
        change = {"state": "open", "ended_at": None}
    touched = bool(found.fields.get("touched"))
    return change if touched == row["touched"] else {**change, "touched": touched}


def _gone(
    asked: Mapping[str, Mapping[str, Any]], found: Collection[str], now: datetime
) -> Iterator[str]:
    """Those that somebody deleted at the destination.

    One written just now may only not be shown yet, and a destination that shows nothing of several
    is more often broken than empty.
    """
    if not found and len(asked) > 1:
        return
    for key, row in asked.items():
        if row["state"] == "open" and key not in found and row["opened_at"] + FRESH <= now:
            yield key

"""The lease: one run at a time works on a workspace, and one that lost it can do no harm."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection, Dialect, RowMapping, bindparam, insert, select, update

from cs_sync.contracts.errors import LeaseHeld
from cs_sync.store.binding import STATEMENTS, Prepared, prepare
from cs_sync_schemas import Lease, table_of

LEASE = table_of(Lease)
NAME = "workspace"
TERM = timedelta(minutes=5)
NOBODY = ""
"""Holder of a lease that was given back: free whatever the clocks say."""


@dataclass(frozen=True, slots=True)
class Held:
    """Proof of holding the lease; the token grows with every holder."""

    holder: str
    token: int


def take_lease(connection: Connection, run_id: str, now: datetime) -> Held:
    """Take the lease, or raise LeaseHeld; one that expired or whose process died is taken over."""
    row = (
        connection.execute(select(LEASE).where(LEASE.c.name == NAME).with_for_update())
        .mappings()
        .first()
    )
    holder = f"{socket.gethostname()}:{os.getpid()}:{run_id}"
    if row is None:
        values = {"name": NAME, "holder": holder, "token": 1, "expires_at": now + TERM}
        connection.execute(insert(LEASE).values(values))
        return Held(holder, 1)
    if not _is_free(row, now):
        raise LeaseHeld(
            f"another run works on this workspace: {row['holder']}, "
            f"until {row['expires_at']:%H:%M:%S} UTC",
            "wait for it to end; if it was killed on another machine, the lease ends by itself",
        )
    token = row["token"] + 1
    connection.execute(
        update(LEASE)
        .where(LEASE.c.name == NAME)
        .values(holder=holder, token=token, expires_at=now + TERM)
    )
    return Held(holder, token)


def lease_is_free(connection: Connection, now: datetime) -> bool:
    """Whether nobody works on this workspace now."""
    row = connection.execute(select(LEASE).where(LEASE.c.name == NAME)).mappings().first()
    return row is None or _is_free(row, now)


def renew_lease(connection: Connection, held: Held, now: datetime) -> None:
    """Keep the lease, or raise LeaseHeld when somebody else has it by now."""
    kept = connection.execute(
        update(LEASE)
        .where(LEASE.c.name == NAME, LEASE.c.token == held.token, LEASE.c.holder == held.holder)
        .values(expires_at=now + TERM)
    ).rowcount
    if not kept:
        raise LeaseHeld(
            "this run lost its lease to another one", "nothing was lost; let the other run finish"
        )


def check_lease(connection: Connection, held: Held) -> None:
    """Raise LeaseHeld unless this run still holds the lease; call it in every transaction.

    PostgreSQL keeps others from taking it until the transaction has ended; SQLite has one writer.
    """
    if _token(connection.dialect).rows(connection, name=NAME) != [(held.token,)]:
        raise LeaseHeld(
            "this run lost its lease to another one", "nothing was lost; let the other run finish"
        )


@lru_cache(STATEMENTS)
def _token(dialect: Dialect) -> Prepared:
    token = select(LEASE.c.token).where(LEASE.c.name == bindparam("name"))
    return prepare(token.with_for_update(read=True, key_share=True), dialect)


def give_back(connection: Connection, held: Held, now: datetime) -> None:
    """End the lease; the token stays, so that it keeps growing."""
    connection.execute(
        update(LEASE)
        .where(LEASE.c.name == NAME, LEASE.c.token == held.token)
        .values(holder=NOBODY, expires_at=now)
    )


def _is_free(row: RowMapping, now: datetime) -> bool:
    return row["holder"] == NOBODY or row["expires_at"] <= now or _is_dead(row["holder"])


def _is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that no longer runs."""
    host, pid, *_ = holder.split(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        return False
    return False

"""The lease: one active run per workspace, with fencing against a run that lost it."""

import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Dialect, RowMapping, bindparam, func, insert, select, update

from cs_sync.contracts.errors import LeaseHeld
from cs_sync.store.engine import Store, note_transaction_id
from cs_sync.store.fast.prepared import STATEMENT_CACHE_SIZE, PreparedStatement, prepare_statement
from cs_sync_schemas.tables import LEASE

T = TypeVar("T")
LEASE_NAME = "workspace"
LEASE_TTL = timedelta(minutes=5)
NO_HOLDER = ""
"""Holder of a lease that was given back: free whatever the clocks say."""


class LeaseToken(Struct, frozen=True):
    """Proof of holding the lease; the fencing token grows with every holder."""

    holder: str
    token: int


def acquire_lease(connection: Connection, run_id: str, now: datetime) -> LeaseToken:
    """Acquire the lease if free, expired or of a dead process.

    Raises:
        LeaseHeld: Another run holds it.
    """
    row = (
        connection.execute(select(LEASE).where(LEASE.c.name == LEASE_NAME).with_for_update())
        .mappings()
        .first()
    )
    holder = f"{socket.gethostname()}:{os.getpid()}:{run_id}"
    if row is None:
        values = {"name": LEASE_NAME, "holder": holder, "token": 1, "expires_at": now + LEASE_TTL}
        connection.execute(insert(LEASE).values(values))
        return LeaseToken(holder, 1)
    if not _is_free(row, now):
        raise LeaseHeld(
            f"another run works on this workspace: {row['holder']}, "
            f"until {row['expires_at']:%H:%M:%S} UTC",
            "wait for it to end; if it was killed on another machine, the lease ends by itself",
        )
    token = row["token"] + 1
    connection.execute(
        update(LEASE)
        .where(LEASE.c.name == LEASE_NAME)
        .values(holder=holder, token=token, expires_at=now + LEASE_TTL)
    )
    return LeaseToken(holder, token)


def is_lease_free(connection: Connection, now: datetime) -> bool:
    """Return whether no run is active on this workspace."""
    row = connection.execute(select(LEASE).where(LEASE.c.name == LEASE_NAME)).mappings().first()
    return row is None or _is_free(row, now)


def is_lease_held_elsewhere(connection: Connection, now: datetime) -> bool:
    """Return whether a run of another process is active on this workspace."""
    row = connection.execute(select(LEASE).where(LEASE.c.name == LEASE_NAME)).mappings().first()
    if row is None or _is_free(row, now):
        return False
    host, pid, *_ = row["holder"].split(":")
    return (host, pid) != (socket.gethostname(), str(os.getpid()))


def read_free_token(connection: Connection, now: datetime) -> int | None:
    """Read the last run's token while none is active.

    None while one is, 0 before any.
    """
    row = connection.execute(select(LEASE).where(LEASE.c.name == LEASE_NAME)).mappings().first()
    if row is None:
        return 0
    return int(row["token"]) if _is_free(row, now) else None


def renew_lease(connection: Connection, lease: LeaseToken, now: datetime) -> None:
    """Extend the lease.

    Raises:
        LeaseHeld: Another run has taken it over.
    """
    renewed = connection.execute(
        update(LEASE)
        .where(
            LEASE.c.name == LEASE_NAME, LEASE.c.token == lease.token, LEASE.c.holder == lease.holder
        )
        .values(expires_at=now + LEASE_TTL)
    ).rowcount
    if not renewed:
        raise LeaseHeld(
            "this run lost its lease to another one", "nothing was lost; let the other run finish"
        )


class LeasedStore(Struct, frozen=True):
    """The database of a run, writable only while the run holds its lease."""

    store: Store
    lease: LeaseToken

    def read(self) -> AbstractContextManager[Connection]:
        """Open a read connection."""
        return self.store.read()

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction that checks the lease first.

        Raises:
            LeaseHeld: Another run has taken the lease over.
        """

        def work_under_lease(connection: Connection) -> T:
            check_lease(connection, self.lease)
            return work(connection)

        return self.store.transact(work_under_lease)


def check_lease(connection: Connection, lease: LeaseToken) -> None:
    """Check that this run still holds the lease.

    PostgreSQL blocks others from taking it until the transaction ends; SQLite has one writer.

    Raises:
        LeaseHeld: Another run has taken it over.
    """
    rows = _prepare_token_query(connection.dialect).rows(connection, name=LEASE_NAME)
    if [token for token, *_ in rows] != [lease.token]:
        raise LeaseHeld(
            "this run lost its lease to another one", "nothing was lost; let the other run finish"
        )
    for number in rows[0][1:]:
        note_transaction_id(connection, number)


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_token_query(dialect: Dialect) -> PreparedStatement:
    token = select(LEASE.c.token).where(LEASE.c.name == bindparam("name"))
    if dialect.name == "postgresql":  # to lock the row, it numbers the transaction anyway
        token = token.add_columns(func.txid_current())
    return prepare_statement(token.with_for_update(read=True, key_share=True), dialect)


def release_lease(connection: Connection, lease: LeaseToken, now: datetime) -> None:
    """Release the lease; the token stays, so that it keeps growing."""
    connection.execute(
        update(LEASE)
        .where(LEASE.c.name == LEASE_NAME, LEASE.c.token == lease.token)
        .values(holder=NO_HOLDER, expires_at=now)
    )


def _is_free(row: RowMapping, now: datetime) -> bool:
    return row["holder"] == NO_HOLDER or row["expires_at"] <= now or _is_holder_dead(row["holder"])


def _is_holder_dead(holder: str) -> bool:
    """Return whether the holder was a process here that has ended.

    Of this machine.
    """
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

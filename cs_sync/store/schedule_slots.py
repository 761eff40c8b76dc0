"""Schedule slots: the first process to insert the row claims the slot."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, or_, select, update

from cs_sync.contracts.errors import LeaseHeld
from cs_sync.store.inserts import build_insert
from cs_sync.store.leases import LEASE_TTL, is_lease_free
from cs_sync_schemas.tables import SCHEDULE_SLOT

SLOT = SCHEDULE_SLOT
INTERRUPTED = "interrupted"
UNFINISHED = ("running", INTERRUPTED)


class Slot(Struct, frozen=True):
    """A claimed slot of a schedule."""

    slot: datetime
    status: str


class SlotClaim(Struct, frozen=True):
    """The right to run a job for one of its slots."""

    job: str
    slot: datetime
    holder: str


class SlotFinished(LeaseHeld):
    """A slot that another run has run to its end; `status` is how it ended."""

    def __init__(self, status: str) -> None:
        super().__init__(f"this slot was run before, and ended {status}", "nothing is left to do")
        self.status = status


def read_newest_slot(connection: Connection, job: str) -> Slot | None:
    """Return the newest claimed slot of a job."""
    newest = select(SLOT.c.slot, SLOT.c.status).where(SLOT.c.job == job)
    row = connection.execute(newest.order_by(SLOT.c.slot.desc()).limit(1)).first()
    return None if row is None else Slot(*row)


def claim_slot(connection: Connection, claim: SlotClaim, now: datetime) -> bool:
    """Claim a slot that is new or interrupted; return whether it succeeded.

    Of two simultaneous claims one inserts the row, whatever the clocks. A slot of a vanished
    holder is free once the lease is free.
    """
    row = {
        "job": claim.job,
        "slot": claim.slot,
        "holder": claim.holder,
        "status": "running",
        "claimed_at": now,
        "ended_at": None,
    }
    insert = (
        build_insert(connection.dialect, SLOT)
        .values(row)
        .on_conflict_do_nothing()
        .returning(SLOT.c.holder)
    )
    return connection.scalar(insert) is not None or _take_over_slot(connection, claim, now)


def take_slot(connection: Connection, claim: SlotClaim, now: datetime) -> None:
    """Take a slot for a run that has just acquired the lease.

    Nobody else works then: a slot that is still called running was left by a dead process.

    Raises:
        SlotFinished: It was run to its end before.
    """
    newest = connection.execute(
        select(SLOT.c.status).where(SLOT.c.job == claim.job, SLOT.c.slot == claim.slot)
    ).scalar()
    if newest is not None and newest not in UNFINISHED:
        raise SlotFinished(newest)
    values = {"holder": claim.holder, "status": "running", "claimed_at": now, "ended_at": None}
    insert = build_insert(connection.dialect, SLOT).values(
        {"job": claim.job, "slot": claim.slot, **values}
    )
    connection.execute(insert.on_conflict_do_update(index_elements=["job", "slot"], set_=values))


def end_slot(connection: Connection, claim: SlotClaim, status: str, now: datetime) -> None:
    """Record a slot's status; interrupted ones may be claimed again."""
    connection.execute(
        update(SLOT)
        .where(SLOT.c.job == claim.job, SLOT.c.slot == claim.slot, SLOT.c.holder == claim.holder)
        .values(status=status, ended_at=now)
    )


def _take_over_slot(connection: Connection, claim: SlotClaim, now: datetime) -> bool:
    stopped = SLOT.c.status == INTERRUPTED
    if is_lease_free(connection, now):
        abandoned = (SLOT.c.status == "running") & (SLOT.c.claimed_at < now - LEASE_TTL)
        stopped = or_(stopped, abandoned)
    taken = connection.execute(
        update(SLOT)
        .where(SLOT.c.job == claim.job, SLOT.c.slot == claim.slot, stopped)
        .values(holder=claim.holder, status="running", claimed_at=now, ended_at=None)
    )
    return taken.rowcount == 1

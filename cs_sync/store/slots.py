"""Slots of a schedule: claimed once, by whoever inserts the row first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync.store.leases import TERM, lease_is_free
from cs_sync_schemas import ScheduleSlot, table_of

SLOT = table_of(ScheduleSlot)
INTERRUPTED = "interrupted"
UNFINISHED = ("running", INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that somebody ran, or runs."""

    slot: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job for one of its slots."""

    job: str
    slot: datetime
    holder: str


def newest_slot(connection: Connection, job: str) -> Slot | None:
    """The newest slot that anybody ever claimed."""
    newest = select(SLOT.c.slot, SLOT.c.status).where(SLOT.c.job == job)
    row = connection.execute(newest.order_by(SLOT.c.slot.desc()).limit(1)).first()
    return None if row is None else Slot(*row)


def claim_slot(connection: Connection, claim: Claim, now: datetime) -> bool:
    """Whether the slot is ours; one that was stopped half-way may be claimed again.

    Of two that claim at the same time one inserts the row, whatever their clocks say. A slot
    whose holder vanished without a word is free once the lease says that nobody works any more.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {
        "job": claim.job,
        "slot": claim.slot,
        "holder": claim.holder,
        "status": "running",
        "claimed_at": now,
        "ended_at": None,
    }
    insert = dialect.insert(SLOT).values(row).on_conflict_do_nothing().returning(SLOT.c.holder)
    return connection.scalar(insert) is not None or _take_over(connection, claim, now)


def end_slot(connection: Connection, claim: Claim, status: str, now: datetime) -> None:
    """Note what became of it: ok, partial, failed, or interrupted (may be claimed again)."""
    connection.execute(
        update(SLOT)
        .where(SLOT.c.job == claim.job, SLOT.c.slot == claim.slot, SLOT.c.holder == claim.holder)
        .values(status=status, ended_at=now)
    )


def _take_over(connection: Connection, claim: Claim, now: datetime) -> bool:
    stopped = SLOT.c.status == INTERRUPTED
    if lease_is_free(connection, now):
        abandoned = (SLOT.c.status == "running") & (SLOT.c.claimed_at < now - TERM)
        stopped = or_(stopped, abandoned)
    taken = connection.execute(
        update(SLOT)
        .where(SLOT.c.job == claim.job, SLOT.c.slot == claim.slot, stopped)
        .values(holder=claim.holder, status="running", claimed_at=now, ended_at=None)
    )
    return taken.rowcount == 1

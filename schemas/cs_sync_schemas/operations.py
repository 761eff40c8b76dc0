"""Operational data: runs, slots, stream state, rejects, the lease, the write ledger."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.times import Instant


class Run(StoredRow, table=True):
    """One execution of a command that reads or writes a vendor."""

    __tablename__ = "run"

    id: str = Field(primary_key=True)
    command: str
    started_at: datetime = Field(index=True, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    status: str = Field(description="running ok partial failed interrupted")
    error: str | None = None
    writes: dict[str, int] = Field(default_factory=dict, sa_type=JSON)


class RunStream(StoredRow, table=True):
    """The result of one stream in one run."""

    __tablename__ = "run_stream"

    run_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    tables: list[str] = Field(default_factory=list, sa_type=JSON, description="What it fills.")
    status: str = Field(description="ok partial failed")
    ended_at: datetime = Field(sa_type=Instant)
    records: int = Field(default=0, description="Read from the source.")
    changed: int = Field(default=0, description="New or different from what was stored.")
    rejected: int = 0
    deleted: int = 0
    requests: int = 0
    waited_seconds: float = 0.0
    error: str | None = None


class TableProfile(StoredRow, table=True):
    """Fill rates of one source's table after its last runs, oldest first."""

    __tablename__ = "table_profile"

    source: str = Field(primary_key=True)
    record: str = Field(primary_key=True, description="Name of the table.")
    profiles: list[dict[str, Any]] = Field(
        default_factory=list,
        sa_type=JSON,
        description='{"run", "rows", "filled": {field: rows}, "counted_at": time}',
    )


class ScheduleSlot(StoredRow, table=True):
    """One slot of a schedule; the process that inserts the row runs the job."""

    __tablename__ = "schedule_slot"

    job: str = Field(primary_key=True)
    slot: datetime = Field(primary_key=True, sa_type=Instant, description="When the job was due.")
    status: str = Field(description="running ok partial failed interrupted")
    holder: str = Field(description="Who runs it: host, process and a random part.")
    claimed_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class StreamState(StoredRow, table=True):
    """The state of a stream: one row per open window, and one for the cursor."""

    __tablename__ = "stream_state"

    source: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    partition: str = Field(primary_key=True, description="Empty for the cursor, else the window.")
    cursor: Any = Field(default=None, sa_type=JSON, description="Where the next window begins.")
    resume: Any = Field(default=None, sa_type=JSON, description="Where the open window resumes.")
    since: datetime | None = Field(default=None, sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)
    backfill: bool = False
    records: int = Field(default=0, description="Read so far in this window.")
    done: bool = False
    opened_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    run_id: str


class RejectedRecord(StoredRow, table=True):
    """A record that could not be stored, kept as received until then."""

    __tablename__ = "rejected_record"

    id: str = Field(primary_key=True, description="Digest of source, record kind and source_id.")
    source: str = Field(index=True)
    stream: str
    record: str = Field(description="Table it was meant for.")
    source_id: str | None = None
    code: str
    reason: str
    raw: Any = Field(default=None, sa_type=JSON)
    run_id: str
    first_rejected_at: datetime = Field(sa_type=Instant)
    rejected_at: datetime = Field(sa_type=Instant)
    attempts: int = 1


class Lease(StoredRow, table=True):
    """The holder of the workspace; the token fences off a former holder."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    token: int
    expires_at: datetime = Field(sa_type=Instant)


class WriteLedger(StoredRow, table=True):
    """The state of one remote object: intent before the call, receipt after it."""

    __tablename__ = "write_ledger"

    destination: str = Field(primary_key=True)
    object: str = Field(primary_key=True, description="account, follow_up")
    key: str = Field(primary_key=True, description="Account id, or the follow-up's key.")
    account_id: str = Field(index=True)
    remote_id: str | None = None
    status: str = Field(description="pending acked rejected refused unknown")
    fields: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, description="As acked.")
    intent: dict[str, Any] | None = Field(default=None, sa_type=JSON, description="As attempted.")
    intent_at: datetime | None = Field(default=None, sa_type=Instant)
    receipt_at: datetime | None = Field(default=None, sa_type=Instant)
    code: str | None = None
    reason: str | None = None
    attempts: int = 0
    run_id: str | None = None


class Alert(StoredRow, table=True):
    """Something that is wrong and was alerted to, until all channels know that it is over."""

    __tablename__ = "alert"

    cause: str = Field(primary_key=True, description="Its kind, and what it is of: emptier crm x.")
    since: datetime = Field(sa_type=Instant)
    text: str = Field(description="As sent, without secrets.")
    is_over: bool = False
    knowing: list[str] = Field(
        default_factory=list, sa_type=JSON, description="Channels that know of it."
    )
    waiting: list[str] = Field(
        default_factory=list, sa_type=JSON, description="Channels that are to be told."
    )


class Suppression(StoredRow, table=True):
    """An erased person as a keyed digest; never stored again."""

    __tablename__ = "suppression"

    digest: str = Field(primary_key=True, description="HMAC-SHA256 of kind and value.")
    kind: str = Field(description="address contact")
    salt: str = Field(description="Key of the digest, one for the whole workspace.")
    replacement: str = Field(description="What is stored instead.")
    since: datetime = Field(sa_type=Instant)

"""The tables that all workers share, beside the schemas of the workspaces."""

from sqlalchemy import Boolean, Column, Double, Integer, MetaData, String, Table

from cs_sync_schemas.times import Instant

CONTROL_SCHEMA = "cs_sync_workers"
CONTROL_REVISION = 1
"""Goes up with every change of these tables, or of what workers agree on."""

METADATA = MetaData(schema=CONTROL_SCHEMA)

REVISION = Table("revision", METADATA, Column("number", Integer, primary_key=True))

WORKSPACE = Table(
    "workspace",
    METADATA,
    Column("name", String, primary_key=True),
    Column("config", String, nullable=False),
    Column("env_file", String),
    Column("place", String, nullable=False, unique=True),
    Column("cron", String, nullable=False),
    Column("timezone", String, nullable=False),
    Column("jitter", Double, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("next_due_at", Instant, nullable=False, index=True),
    Column("queued_slot", Instant),
    Column("started_at", Instant),
    Column("worker", String),
    Column("last_slot", Instant),
    Column("last_ended_at", Instant),
    Column("last_status", String),
    Column("last_message", String),
    Column("failures", Integer, nullable=False),
)
"""`place` is the database and schema of a workspace, without the password. `queued_slot` is the
slot that is queued or runs; `started_at` and `worker` are set while it runs. `failures` counts the
failed runs since the last one that did not fail."""

WORKER = Table(
    "worker",
    METADATA,
    Column("id", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

BUDGET = Table(
    "budget",
    METADATA,
    Column("credential", String, primary_key=True),
    Column("window", String, primary_key=True),
    Column("arrival", Double, nullable=False),
)
"""One row per credential, named by a digest, and window; `arrival` is the theoretical arrival time
of its next request, in seconds since 1970 by the database's clock."""

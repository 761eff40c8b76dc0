"""The mark of a copy: a table that says of which schema and moment its neighbours are."""

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, select, text

from cs_sync.store.engines.manifest import Manifest
from cs_sync_schemas.times import Instant

MARK = Table(
    "cs_sync_export",
    MetaData(),
    Column("revision", String, nullable=False),
    Column("exported_at", Instant(), nullable=False),
    Column("tables", String, nullable=False),
)
"""One row; the names of tables are separated by commas."""

_TABLES = text(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
)


def list_tables(connection: Connection) -> list[str]:
    """List the tables and views that stand there."""
    return list(connection.scalars(_TABLES))


def read_mark(connection: Connection) -> Manifest | None:
    """Read the mark of a copy; None where there is none."""
    if MARK.name not in list_tables(connection):
        return None
    row = connection.execute(select(MARK)).one()
    return Manifest(row.revision, "tables", row.exported_at, tuple(row.tables.split(",")))


def write_mark(connection: Connection, manifest: Manifest) -> None:
    """Write the mark of a complete copy, instead of an earlier one."""
    if MARK.name in list_tables(connection):
        connection.execute(delete(MARK))
    else:
        MARK.create(connection, checkfirst=False)
    connection.execute(
        insert(MARK).values(
            revision=manifest.schema,
            exported_at=manifest.exported_at,
            tables=",".join(manifest.tables),
        )
    )

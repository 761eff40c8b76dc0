"""Opening the database that workers share, and its version."""

from sqlalchemy import Connection, inspect, make_url, select, text
from sqlalchemy.schema import CreateSchema

from cs_sync.contracts.errors import ConfigError, StoreError
from cs_sync.store.control.tables import CONTROL_REVISION, CONTROL_SCHEMA, METADATA, REVISION
from cs_sync.store.engine import Store, open_store

_ALONE = "SELECT pg_advisory_xact_lock(hashtext('cs_sync_workers revision'))"


def open_control(url: str) -> Store:
    """Open the database that workers share.

    Raises:
        ConfigError: It is not a PostgreSQL.
    """
    try:
        kind = make_url(url).get_backend_name()
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the answer is the same
        kind = "what cannot be read"
    if kind != "postgresql":
        raise ConfigError(
            f"workers share a PostgreSQL, and --database names {kind}",
            "write postgresql+psycopg://USER@HOST/NAME, or set CS_SYNC_WORKERS_DATABASE to it",
        )
    return open_store(url)


def migrate_control(store: Store) -> None:
    """Create the shared tables, or check their version.

    Raises:
        StoreError: Their version is not that of this cs-sync.
    """
    with store.write() as connection:
        connection.execute(text(_ALONE))  # of several that start at once, one creates
        connection.execute(CreateSchema(CONTROL_SCHEMA, if_not_exists=True))
        METADATA.create_all(connection)
        if connection.scalar(select(REVISION.c.number)) is None:
            connection.execute(REVISION.insert().values(number=CONTROL_REVISION))
        _refuse_other_revision(connection)


def check_control(store: Store) -> None:
    """Check that the shared tables exist in this cs-sync's version.

    Raises:
        StoreError: They do not exist, or are of another version.
    """
    with store.read() as connection:
        if not inspect(connection).has_table(REVISION.name, schema=CONTROL_SCHEMA):
            raise StoreError(
                "this database has no workspaces yet",
                "add one with cs-sync workspaces add FILE, or name another --database",
            )
        _refuse_other_revision(connection)


def _refuse_other_revision(connection: Connection) -> None:
    actual = connection.scalar(select(REVISION.c.number))
    if actual == CONTROL_REVISION:
        return
    newer = actual is not None and actual > CONTROL_REVISION
    raise StoreError(
        f"the workers' tables have version {actual}, and this cs-sync works with"
        f" {CONTROL_REVISION}; nothing was changed",
        "upgrade cs-sync on this machine, and start its worker again"
        if newer
        else "start the other workers with this version, too, once its notes of upgrade are done",
    )

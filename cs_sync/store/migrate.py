"""Schema migration: an older database is backed up first, a newer one refused."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    inspect,
    text,
)

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import Store
from cs_sync.store.privacy.compact import compact_database
from cs_sync_schemas import tables
from cs_sync_schemas.migrations import HEAD, LOCATION

VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic notes the revision."""


def migrate_schema(store: Store, now: datetime) -> Path | None:
    """Create or update the tables.

    Args:
        store: The database.
        now: The time in the name of the backup.

    Returns:
        The backup's path if an older SQLite file was changed.

    Raises:
        StoreError: A newer cs-sync has written the database.
    """
    with store.read() as connection:
        revision = read_revision(connection)
    if revision == HEAD:
        return None
    if revision is None:
        _create_schema(store)
        return None
    config = _build_alembic_config()
    revisions = _list_revisions(config)
    if revision not in revisions:
        raise StoreError(
            f"the database has schema {revision}, which this cs-sync does not know",
            "it was written by a newer version: upgrade cs-sync; nothing was changed",
        )
    backup = _create_backup(store, revision, now)
    _upgrade_schema(store, config)
    if backup is not None:
        with suppress(StoreError):  # somebody reads: the room is used for what comes
            compact_database(store)
    return backup


def check_revision(store: Store) -> None:
    """Check that the tables are those of this version, without changing them.

    Raises:
        StoreError: They are older or newer.
    """
    with store.read() as connection:
        revision = read_revision(connection)
    if revision != HEAD:
        raise StoreError(
            f"the database has schema {revision}, and this cs-sync reads {HEAD}",
            "run cs-sync run once, which brings an older one up to date",
        )


def read_revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None without any."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _build_alembic_config() -> Any:
    from alembic.config import Config  # slow to import, and needed once in a schema's life

    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    return config


def _list_revisions(config: Any) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _create_schema(store: Store) -> None:
    """Create the newest tables at once.

    The revisions lead to the same ones, in many steps.
    """
    from cs_sync.store.views.create import create_views

    with store.write() as connection:
        tables.METADATA.create_all(connection, checkfirst=False)
        VERSION.create(connection)
        connection.execute(VERSION.insert().values(version_num=HEAD))
        create_views(connection)


def _upgrade_schema(store: Store, config: Any) -> None:
    from alembic import command

    from cs_sync.store.views.create import create_views

    with store.write() as connection:
        if connection.dialect.name == "sqlite":
            # A table that is rebuilt under its name may be read by views meanwhile.
            connection.execute(text("PRAGMA legacy_alter_table=ON"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        create_views(connection)
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA legacy_alter_table=OFF"))


def _create_backup(store: Store, revision: str, now: datetime) -> Path | None:
    """Copy the SQLite file consistently.

    PostgreSQL is backed up by its own tools.
    """
    path = store.engine.url.database
    if store.engine.dialect.name != "sqlite" or path in (None, "", ":memory:"):
        return None
    backup = Path(f"{path}.{revision}.{now:%Y%m%dT%H%M%S}.bak")
    with store.read() as connection:
        connection.execute(text("VACUUM INTO :path"), {"path": str(backup)})
    backup.chmod(0o600)
    return backup

"""Bringing a database to this version's schema: backed up when older, refused when newer."""

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from cs_sync.contracts.errors import StoreError
from cs_sync.store.database import Store
from cs_sync_schemas.migrations import HEAD, LOCATION


def migrate(store: Store, now: datetime) -> Path | None:
    """Create or update the tables; the path of the backup, when an older SQLite file was changed.

    Raises StoreError for a database that a newer cs-sync has written.
    """
    with store.read() as connection:
        revision = _revision(connection)
    if revision == HEAD:
        return None
    config = _alembic()
    known = _revisions(config)
    if revision is not None and revision not in known:
        raise StoreError(
            f"the database has schema {revision}, which this cs-sync does not know",
            "it was written by a newer version: upgrade cs-sync; nothing was changed",
        )
    backup = _back_up(store, revision, now) if revision is not None else None
    _upgrade(store, config)
    return backup


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _alembic() -> Any:
    from alembic.config import Config  # slow to import, and needed once in a schema's life

    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    return config


def _revisions(config: Any) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _upgrade(store: Store, config: Any) -> None:
    from alembic import command

    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _back_up(store: Store, revision: str, now: datetime) -> Path | None:
    """A consistent copy beside the SQLite file; PostgreSQL is backed up by its own tools."""
    path = store.engine.url.database
    if store.engine.dialect.name != "sqlite" or path in (None, "", ":memory:"):
        return None
    backup = Path(f"{path}.{revision}.{now:%Y%m%dT%H%M%S}.bak")
    with store.read() as connection:
        connection.execute(text("VACUUM INTO :path"), {"path": str(backup)})
    backup.chmod(0o600)
    return backup

"""Copies of all tables at a URL: a schema of PostgreSQL, or a file of DuckDB."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from cs_sync.contracts.errors import ConfigError
from cs_sync.store.engine import Store, open_store
from cs_sync.store.engines.dialect import EngineError, create_text_engine
from cs_sync.store.engines.duckdb import DuckDbDialect, open_file
from cs_sync.store.engines.manifest import Manifest, check_revision
from cs_sync.store.engines.mark import read_mark
from cs_sync.store.engines.open import report_missing

DEFAULT_SCHEMA = "cs_sync_export"
FORMS = "use postgresql://USER@HOST/DATABASE?schema=NAME, or duckdb:///FILE"
EXPORT_TO = "run `cs-sync export --to URL`"


def parse_copy_url(text: str) -> URL:
    """Parse the URL of a copy.

    Raises:
        ConfigError: It is of another kind; the message does not repeat it, as it may hold a
            password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigError("the URL of the copy cannot be read", FORMS) from error
    kind = url.get_backend_name()
    if kind == "postgresql" and url.database:
        return url.set(drivername="postgresql+psycopg")
    if kind == "duckdb" and url.database and not url.host:
        return url
    raise ConfigError(f"the URL of the copy names {kind!r}, or no place there", FORMS)


def get_schema(url: URL) -> str:
    """Return the schema of a copy in PostgreSQL.

    Raises:
        ConfigError: It is not a plain name.
    """
    schema = url.query.get("schema", DEFAULT_SCHEMA)
    if not isinstance(schema, str) or not schema.replace("_", "").isalnum():
        raise ConfigError(f"the schema {schema!r} is not a plain name", "use letters, digits and _")
    return schema


def connect_to_postgresql(url: URL, schema: str | None = None, *, read_only: bool = False) -> Store:
    """Connect to the PostgreSQL of a copy."""
    server = url.difference_update_query(["schema"]).render_as_string(hide_password=False)
    return open_store(server, schema, read_only=read_only)


def open_duckdb_file(file: Path, *, read_only: bool) -> Store:
    """Open a file of DuckDB.

    Raises:
        ConfigError: It is of another kind, is used by another program, or DuckDB is missing.
    """
    try:
        session = open_file(file, read_only=read_only)
    except ImportError as error:
        raise report_missing("duckdb", error) from error
    except EngineError as error:
        raise ConfigError(
            f"duckdb cannot open {file}: {str(error).splitlines()[0]}",
            "name another file, or stop the program that writes to it",
        ) from error
    return Store(create_text_engine(DuckDbDialect, session), read_only=read_only, is_copy=True)


def open_copy(text: str) -> tuple[Store, Manifest]:
    """Open a copy for reading.

    Args:
        text: Its URL.

    Returns:
        The copy, and what it says of itself.

    Raises:
        ConfigError: There is none, or it is of another schema.
        StoreError: The database refuses.
    """
    url = parse_copy_url(text)
    shown = url.render_as_string()
    if url.get_backend_name() == "duckdb":
        file = Path(url.database or "")
        if not file.is_file():
            raise ConfigError(f"there is no file {file}", EXPORT_TO)
        store = open_duckdb_file(file, read_only=True)
    else:
        server = connect_to_postgresql(url, get_schema(url), read_only=True)
        store = Store(server.engine, read_only=True, is_copy=True)
    try:
        with store.read() as connection:
            manifest = read_mark(connection)
        if manifest is None:
            raise ConfigError(f"{shown} holds no export", EXPORT_TO)
        check_revision(manifest, shown)
    except BaseException:
        store.close()
        raise
    return store, manifest

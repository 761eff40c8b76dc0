"""The database engine: SQLite by default, PostgreSQL by URL."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.pool import NullPool

from cs_sync.contracts.errors import ConfigError, StoreError
from cs_sync.store.fast.compiled_statements import COMPILED
from cs_sync.store.fast.prepared import dump_json
from cs_sync.store.reconnect import ConnectionLost, ReconnectPolicy, is_retryable

T = TypeVar("T")

TRANSACTION_ID_QUERY = "SELECT txid_current_if_assigned()"
"""PostgreSQL's number of a transaction that has written something: it knows what becomes of it."""

_TRANSACTION_ID = "transaction_id"
"""Where a connection keeps that number, if a statement of the transaction has brought it along."""

NUMBER_NOT_GIVEN = "22023"
"""PostgreSQL's code for the number of a transaction that it has not given yet."""

CONNECTION_TIMEOUTS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""When a server that says nothing at all is taken for gone: within a minute and not the hours of
the system. In seconds and, the last, milliseconds; an URL may say otherwise.
"""

for name in ("psycopg", "sqlalchemy.pool"):
    # What they tell of lost connections, we raise or tell ourselves: without a handler it would be
    # printed between our lines. Whoever wants it adds one.
    logging.getLogger(name).addHandler(logging.NullHandler())


class Store:
    """The database of one workspace; thread-safe.

    Write transactions take turns on SQLite: it has one writer, and a page is stored in
    milliseconds, so a lock costs less than SQLite's own retries.
    """

    def __init__(self, engine: Engine, *, read_only: bool = False, is_copy: bool = False) -> None:
        self.engine = engine
        self.read_only = read_only
        """Whether nothing can be written; the database refuses it, too."""
        self.is_copy = is_copy
        """Whether it is an export: what was computed elsewhere is not read, but computed."""
        self.patience: ReconnectPolicy | None = None
        """How a server that went away is waited for; None tells of it at once."""
        self._turn = threading.RLock() if engine.dialect.name == "sqlite" else None
        self._writer: Connection | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading; it sees committed data."""
        with self.translate_errors(), self._connect_with_retries() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction: all of it is stored, or nothing."""
        if self.read_only:
            raise StoreError("this process only reads the database", "run cs-sync run to write")
        if self._turn is None:
            with (
                self.translate_errors(),
                self._connect_with_retries() as connection,
                connection.begin(),
            ):
                yield connection
        else:
            with self._turn, self.translate_errors(), self._begin_write() as connection:
                yield connection

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that is stored exactly once.

        Args:
            work: Called with the connection, and called again in a new transaction after a lost
                connection; so it must change nothing but the database. A COMMIT with a lost
                answer is looked up, not repeated.

        Returns:
            The result of `work`.

        Raises:
            StoreError: The database refused.
        """
        if self.patience is None or self._turn is not None or self.read_only:
            with self.write() as connection:
                return work(connection)
        sent: tuple[int, T] | None = None

        def once() -> T:
            nonlocal sent
            if sent is not None and self._is_committed(sent[0]):
                return sent[1]
            sent = None
            with self.translate_errors(), self.engine.begin() as connection:
                connection.info.pop(_TRANSACTION_ID, None)  # that of the one before
                result = work(connection)
                number = connection.info.get(_TRANSACTION_ID)
                if number is None:
                    number = connection.exec_driver_sql(TRANSACTION_ID_QUERY).scalar()
                if number is not None:  # else nothing was written
                    sent = number, result
            return result

        return self.patience.run(once)

    def _is_committed(self, number: int) -> bool:
        """Return whether a transaction was committed.

        Raises while the server has not decided.
        """
        with self.translate_errors(), self.engine.connect() as connection:
            try:
                became = connection.scalar(select(func.txid_status(number)))
            except DataError as error:
                if getattr(error.orig, "sqlstate", "") != NUMBER_NOT_GIVEN:
                    raise
                return False  # the server crashed before anything of it was on the disk
        if became not in ("committed", "aborted"):
            raise ConnectionLost(
                "the connection was lost, and the server still works on what was sent",
                "run it again: it resumes from what was stored",
            )
        return bool(became == "committed")

    def _connect_with_retries(self) -> Connection:
        return self._connect() if self.patience is None else self.patience.run(self._connect)

    def _connect(self) -> Connection:
        with self.translate_errors():
            return self.engine.connect()

    @contextmanager
    def _begin_write(self) -> Iterator[Connection]:
        """Begin a transaction on the only writing connection.

        A connection with an error is not used again.
        """
        writer = self._writer or self.engine.connect()
        self._writer = None
        try:
            with writer.begin():
                yield writer
        except BaseException:
            writer.close()
            raise
        self._writer = writer

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a read connection with a consistent view, unaffected by later writes."""
        with self.translate_errors(), self._connect_with_retries() as connection:
            if self.engine.dialect.name == "sqlite":
                frozen = connection.execution_options(isolation_level="AUTOCOMMIT")
                frozen.exec_driver_sql("BEGIN")
                yield frozen
                frozen.exec_driver_sql("ROLLBACK")
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ")

    def close(self) -> None:
        """Close every connection."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self.engine.dispose()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise driver errors as StoreError; ConnectionLost where a retry may succeed.

        With one sentence and a remedy, without the statement.
        """
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except NoneFree as error:
            raise _build_store_error(ConnectionLost, error) from error
        except (DBAPIError, driver.Error) as error:
            cause = getattr(error, "orig", None) or error
            passing = is_retryable(error, cause, driver.OperationalError)
            raise _build_store_error(ConnectionLost if passing else StoreError, cause) from error


def note_transaction_id(connection: Connection, number: int) -> None:
    """Note PostgreSQL's number of the transaction; `transact` then need not ask."""
    connection.info[_TRANSACTION_ID] = number


def open_store(url: str, schema: str | None = None, *, read_only: bool = False) -> Store:
    """Open the store at an SQLAlchemy URL.

    Args:
        url: `sqlite:///FILE` or `postgresql+psycopg://…`.
        schema: A PostgreSQL schema; it is created if missing.
        read_only: Let the database itself refuse to write; nothing is created.

    Raises:
        ConfigError: The URL, the file or the schema cannot be used, or the driver is missing.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        raise ConfigError(
            "database.url cannot be read", "use sqlite:///FILE or postgresql+psycopg://…"
        ) from error
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        engine = _create_sqlite_engine(url, parsed.database, read_only=read_only)
        return Store(engine, read_only=read_only)
    if kind == "postgresql":
        engine = _create_postgresql_engine(url, schema, read_only=read_only)
        return Store(engine, read_only=read_only)
    raise ConfigError(
        f"database.url names {kind!r}", "use sqlite:///FILE or postgresql+psycopg://…"
    )


def _create_sqlite_engine(url: str, path: str | None, *, read_only: bool) -> Engine:
    file = _parse_file_path(path)
    if file:
        _check_file(file)
        if not read_only:
            _create_private_file(file)
    guards = ("query_only=ON",) if read_only else ()
    engine = create_engine(
        url, **_build_shared_options(), connect_args={"timeout": 30, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # The driver would begin transactions by itself, and later than we need: see `begin`.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", *guards):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once instead of failing half-way through.
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.connection.cursor().execute("BEGIN IMMEDIATE")

    return engine


def _parse_file_path(path: str | None) -> Path | None:
    """Return the file of a plain SQLite path."""
    plain = path and path != ":memory:" and not path.startswith("file:")
    return Path(path) if path and plain else None


def _check_file(file: Path) -> None:
    """Raise ConfigError if the file cannot be an SQLite database."""
    if not file.parent.is_dir():
        raise ConfigError(
            f"database.url: the folder of {file} does not exist", "create it, or change the url"
        )
    if file.is_dir():
        raise ConfigError(f"database.url: {file} is a folder", "name a file in it")
    with suppress(OSError):  # SQLite says better than we could why it cannot be opened
        with file.open("rb") as opened:
            start = opened.read(len(_SQLITE_HEADER))
        if start not in (b"", _SQLITE_HEADER):
            raise ConfigError(
                f"database.url: {file} is a file of another kind", "name another file"
            )


_SQLITE_HEADER = b"SQLite format 3\0"


def _create_private_file(file: Path) -> None:
    """Create a file that only its owner can read.

    It holds personal data. SQLite gives its log the same permissions.
    """
    with suppress(OSError):  # SQLite says better than we could why it cannot be opened
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _create_postgresql_engine(url: str, schema: str | None, *, read_only: bool) -> Engine:
    options = [
        *([f"-csearch_path={schema}"] if schema else []),
        "-ctimezone=UTC",
        "-cdatestyle=ISO",
        *(["-cdefault_transaction_read_only=on"] if read_only else []),
    ]
    silence = {
        name: value
        for name, value in CONNECTION_TIMEOUTS.items()
        if name not in make_url(url).query
    }
    try:
        engine = create_engine(
            url,
            **_build_shared_options(),
            pool_pre_ping=True,
            connect_args={"options": " ".join(options), **silence},
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"PostgreSQL needs the driver {error.name}",
            "pip install customer-success-sync[postgres]",
        ) from error

    @event.listens_for(engine, "handle_error")
    def give_up(context: ExceptionContext) -> None:
        # A ping on a lost connection may end in the driver's saying that it cannot undo the ping.
        context.is_disconnect = context.is_disconnect or context.is_pre_ping

    if schema and not read_only:
        _create_schema(url, schema)
    return engine


def _create_schema(url: str, schema: str) -> None:
    if not schema.replace("_", "").isalnum():
        raise ConfigError(
            f"database.schema {schema!r} is not a plain name", "use letters, digits and _"
        )
    engine = create_engine(url, poolclass=NullPool)
    with Store(engine).write() as connection:
        connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')


def _build_shared_options() -> dict[str, Any]:
    """Return the options of all engines.

    They share what is compiled, so they are made alike.
    """
    return {
        "json_serializer": dump_json,
        "json_deserializer": _parse_json,
        "execution_options": {"compiled_cache": COMPILED},
    }


def _parse_json(value: Any) -> Any:
    """Parse JSON text; SQLite returns a bare number as that number."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _build_store_error(kind: type[StoreError], cause: BaseException) -> StoreError:
    message = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    return kind(f"the database refused: {message}", _find_remedy(message))


def _find_remedy(cause: str) -> str:
    remedies = {
        "locked": "another program holds the database; wait for it, or stop it",
        "readonly": "give this user write permission on the file and its folder",
        "full": "free space on the disk; what was stored so far is safe",
        "unable to open": "check that the folder exists and may be written",
        "not a database": "[database] url names a file of another kind; name another file",
        "malformed": "the file is damaged: put a backup in its place, or move it away and run "
        "`cs-sync sync`, which reads everything again",
        "no such table": "the database is not set up; run `cs-sync sync` once",
        "objects depend": "drop the views that others made on it, or name another schema",
        "connection": "check that the server runs, and its URL: [database] url, --database of "
        "workers, or --to and --engine of an export",
    }
    return next((text for word, text in remedies.items() if word in cause), "")

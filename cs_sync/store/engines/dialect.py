"""An SQLAlchemy dialect for engines that take a statement as text and answer with rows.

It writes PostgreSQL's words with the values inside, which each engine's own dialect adapts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from msgspec import Struct
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.dialects.postgresql.base import (
    PGCompiler,
    PGDialect,
    PGIdentifierPreparer,
    PGTypeCompiler,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import StaticPool

Answer = tuple[Sequence[str], Sequence[Sequence[Any]]]
"""The names of columns, and rows."""


class EngineError(Exception):
    """An engine refused a statement."""


class _ConnectionError(EngineError):
    """Never raised: the engines run in this process."""


class Session(Struct, frozen=True):
    """A running engine."""

    run: Callable[[str], Answer]
    """Runs a statement; raises EngineError."""
    close: Callable[[], None]


class TextCompiler(PGCompiler):
    """Writes values into the text."""

    def visit_bindparam(self, bindparam: Any, *arguments: Any, **options: Any) -> str:
        """Write the value of a parameter."""
        options["literal_binds"] = True
        written: str = super().visit_bindparam(bindparam, *arguments, **options)  # type: ignore[no-untyped-call]
        return written


class TextTypes(PGTypeCompiler):
    """Names of types, where an engine has other ones."""

    names: ClassVar[Mapping[str, str]] = {}
    """PostgreSQL's name, without its sizes → the engine's."""

    def process(self, type_: Any, **options: Any) -> str:
        """Write the name of a type."""
        written: str = super().process(type_, **options)
        return self.names.get(written.partition("(")[0], written)


class TextPreparer(PGIdentifierPreparer):
    """Quotes names that PostgreSQL does not reserve, too."""

    reserved_words = PGIdentifierPreparer.reserved_words | {"at"}


class TextDialect(PGDialect):
    """PostgreSQL's words, for an engine that is not asked about itself."""

    driver = "text"
    default_paramstyle = "named"
    supports_statement_cache = False  # the values are part of the text
    statement_compiler = TextCompiler
    preparer = TextPreparer

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return what is used of a driver's module."""
        return SimpleNamespace(
            paramstyle="named", Error=EngineError, OperationalError=_ConnectionError
        )

    def initialize(self, connection: Connection) -> None:
        """Ask nothing of the engine."""

    def get_isolation_level_values(self, _connection: DBAPIConnection) -> Sequence[Any]:
        """Return the levels that a store may ask for."""
        return ("AUTOCOMMIT", "REPEATABLE READ")

    def set_isolation_level(self, dbapi_connection: DBAPIConnection, level: Any) -> None:
        """Set nothing, as an export does not change."""

    def reset_isolation_level(self, dbapi_connection: DBAPIConnection) -> None:
        """Set nothing, as an export does not change."""


def list_arrow_rows(table: Any) -> Answer:
    """List the columns and rows of an Arrow table."""
    columns = [column.to_pylist() for column in table.columns]
    return table.column_names, list(zip(*columns, strict=True))


class _Cursor:
    """The rows of a statement, as SQLAlchemy fetches them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: Iterator[Sequence[Any]] = iter(())
        self.description: list[tuple[Any, ...]] = []
        self.rowcount = -1

    def execute(self, statement: str, _parameters: object = None) -> None:
        names, rows = self._session.run(statement)
        self.description = [(name, *[None] * 6) for name in names]
        self._rows = iter(rows)

    def fetchall(self) -> list[Sequence[Any]]:
        return list(self._rows)

    def fetchone(self) -> Sequence[Any] | None:
        return next(self._rows, None)

    def close(self) -> None:
        self._rows = iter(())


class _Connection:
    """The connection to a session, which has no transactions."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def cursor(self) -> _Cursor:
        return _Cursor(self._session)

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        self._session.close()


class EngineKind(Struct, frozen=True):
    """An engine over an export: its words, and how it reads files."""

    dialect: type[TextDialect]
    start: Callable[[], Session]
    """Starts it in this process; raises ImportError where it is not installed."""
    write_view: Callable[[str, Path], str]
    """Table and Parquet file → the statement that makes the one a view of the other."""


def create_text_engine(kind: type[TextDialect], session: Session) -> Engine:
    """Create an SQLAlchemy engine with a session as its only connection."""
    dialect = kind(dbapi=kind.import_dbapi())
    pool = StaticPool(lambda: _Connection(session), dialect=dialect)  # type: ignore[arg-type]
    return Engine(pool, dialect, make_url("postgresql://"))

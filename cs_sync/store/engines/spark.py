"""Spark SQL over the Parquet files of an export, by Sail, which needs no JVM."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from cs_sync.store.engines.dialect import (
    Answer,
    EngineError,
    EngineKind,
    Session,
    TextCompiler,
    TextDialect,
    TextPreparer,
    TextTypes,
    list_arrow_rows,
)


class SparkTypes(TextTypes):
    """Spark's names of types."""

    names: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("VARCHAR", "TEXT", "JSON"), "STRING"),
        **dict.fromkeys(("FLOAT", "DOUBLE PRECISION"), "DOUBLE"),
        "NUMERIC": "DECIMAL(38, 12)",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    }


class SparkCompiler(TextCompiler):
    """What Spark says otherwise."""

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Write a value: text with backslashes, and numbers that are no decimals."""
        if isinstance(value, str):
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"'{escaped}'"
        written = str(super().render_literal_value(value, type_))  # type: ignore[no-untyped-call]
        return f"{written}D" if isinstance(value, float) else written

    def visit_floordiv_binary(self, binary: Any, operator: Any, **options: Any) -> str:  # noqa: ARG002
        """Write a division of whole numbers."""
        left, right = (self.process(side, **options) for side in (binary.left, binary.right))
        return f"({left}) DIV ({right})"

    def visit_truediv_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        """Write a division, which by 0 gives null, as in SQLite.

        Sail raises for this divisor, and where it evaluates a division for no row at all; of a
        CASE it then only evaluates what comes first.
        """
        divisor = self.process(binary.right, **options)
        divided = str(super().visit_truediv_binary(binary, operator, **options))  # type: ignore[no-untyped-call]
        return f"CASE WHEN {divisor} = 0 THEN NULL ELSE {divided} END"


class SparkPreparer(TextPreparer):
    """Quotes names as Spark does."""

    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect)
        self.initial_quote = self.final_quote = self.escape_quote = "`"
        self.escape_to_quote = "``"


class SparkDialect(TextDialect):
    """Spark's words."""

    name = "spark"
    supports_statement_cache = False  # SQLAlchemy asks each class
    statement_compiler = SparkCompiler
    type_compiler_cls = SparkTypes
    preparer = SparkPreparer  # type: ignore[assignment]


def _start_session() -> Session:
    os.environ.setdefault("RUST_LOG", "error")  # read when it is loaded
    from adbc_driver_flightsql import dbapi
    from pysail.flight import FlightSqlServer

    server = FlightSqlServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    connection = dbapi.connect(f"grpc://{host}:{port}", autocommit=True)

    def run(statement: str) -> Answer:
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list_arrow_rows(cursor.fetch_arrow_table())
        except dbapi.Error as error:
            raise EngineError(" ".join(str(error).split())) from error

    def close() -> None:
        connection.close()
        server.stop()

    return Session(run, close)


def _write_view(table: str, file: Path) -> str:
    path = str(file.absolute()).replace("`", "``")
    return f"CREATE TEMPORARY VIEW `{table}` AS SELECT * FROM parquet.`{path}`"  # noqa: S608 - ours


SPARK = EngineKind(SparkDialect, _start_session, _write_view)

"""ClickHouse, in this process, over the Parquet files of an export."""

from pathlib import Path
from typing import Any

from sqlalchemy import Integer
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import count

from cs_sync.store.engines.dialect import (
    Answer,
    EngineError,
    EngineKind,
    Session,
    TextCompiler,
    TextDialect,
    list_arrow_rows,
)

SETTINGS = {
    "aggregate_functions_null_for_empty": 1,
    "allow_experimental_correlated_subqueries": 1,
    "cast_string_to_date_time_mode": "best_effort",
    "join_use_nulls": 1,
    "session_timezone": "UTC",
    "use_variant_as_common_type": 0,
}
"""What makes ClickHouse answer as standard SQL does: null where there is nothing."""


class ClickHouseTypes(PGTypeCompiler):
    """ClickHouse's names of types, all of which take nulls."""

    def _write_integer(self, _type: Any, **_options: Any) -> str:
        return "Nullable(Int64)"

    def _write_float(self, _type: Any, **_options: Any) -> str:
        return "Nullable(Float64)"

    def _write_text(self, _type: Any, **_options: Any) -> str:
        return "Nullable(String)"

    def _write_decimal(self, _type: Any, **_options: Any) -> str:
        return "Nullable(Decimal(38, 12))"

    def _write_boolean(self, _type: Any, **_options: Any) -> str:
        return "Nullable(Bool)"

    def _write_day(self, _type: Any, **_options: Any) -> str:
        return "Nullable(Date32)"

    def _write_instant(self, _type: Any, **_options: Any) -> str:
        return "Nullable(DateTime64(6, 'UTC'))"

    visit_INTEGER = visit_BIGINT = visit_SMALLINT = _write_integer  # noqa: N815 - SQLAlchemy's names
    visit_DOUBLE = visit_DOUBLE_PRECISION = visit_FLOAT = _write_float  # noqa: N815
    visit_VARCHAR = visit_TEXT = visit_JSON = _write_text  # noqa: N815
    visit_NUMERIC = _write_decimal  # noqa: N815
    visit_BOOLEAN = _write_boolean  # noqa: N815
    visit_DATE = _write_day  # noqa: N815
    visit_TIMESTAMP = _write_instant  # noqa: N815


class ClickHouseCompiler(TextCompiler):
    """What ClickHouse says otherwise.

    Whole numbers get a sign: ClickHouse's own constants, counts and absolute values have none, and
    go with no number that has one. A CTE becomes a temporary table, as it would be computed anew
    wherever it is read.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        names = [self.preparer.quote(cte.name) for cte in self.ctes or ()]
        self.string += "".join(f";\nDROP TABLE {name}" for name in names)

    def _render_cte_clause(self, *arguments: Any, **options: Any) -> str:
        if not super()._render_cte_clause(*arguments, **options):  # type: ignore[no-untyped-call]
            return ""  # not the outermost select
        tables = (f"CREATE OR REPLACE TEMPORARY TABLE {cte};\n" for cte in self.ctes.values())
        return "".join(tables)

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Write a value, which may hold backslashes."""
        written = str(super().render_literal_value(value, type_))
        if isinstance(value, int) and not isinstance(value, bool):
            return f"toInt64({written})"
        return written.replace("\\", "\\\\")

    def visit_bindparam(self, bindparam: Any, *arguments: Any, **options: Any) -> str:
        """Write the value of a parameter, a null with its type: tables take no other."""
        written = super().visit_bindparam(bindparam, *arguments, **options)
        if written != "NULL":
            return written
        return f"CAST(NULL AS {self.dialect.type_compiler_instance.process(bindparam.type)})"

    def visit_over(self, over: Any, **options: Any) -> str:
        """Write a window function."""
        written = str(super().visit_over(over, **options, in_window=True))  # type: ignore[no-untyped-call]
        return f"toInt64({written})" if isinstance(over.type, Integer) else written

    def visit_lead_func(self, function: Any, **options: Any) -> str:
        """Write LEAD or LAG, which give 0 at the edge for what takes no nulls."""
        (column,) = function.clauses
        options.pop("in_window", None)
        return f"{function.name}(toNullable({self.process(column, **options)}))"

    visit_lag_func = visit_lead_func

    def visit_abs_func(self, function: Any, **options: Any) -> str:
        """Write ABS."""
        (number,) = function.clauses
        return f"toInt64(abs({self.process(number, **options)}))"

    def visit_floordiv_binary(self, binary: Any, operator: Any, **options: Any) -> str:  # noqa: ARG002
        """Write a division of whole numbers."""
        sides = (self.process(side, **options) for side in (binary.left, binary.right))
        return f"intDiv({', '.join(sides)})"


@compiles(count, "clickhouse")
def _compile_count(element: Any, compiler: Any, **options: Any) -> str:
    in_window = options.pop("in_window", False)
    counted = str(compiler.visit_function(element, **options))
    return counted if in_window else f"toInt64({counted})"


class ClickHouseDialect(TextDialect):
    """ClickHouse's words."""

    name = "clickhouse"
    supports_statement_cache = False  # SQLAlchemy asks each class
    statement_compiler = ClickHouseCompiler
    type_compiler_cls = ClickHouseTypes


def _start() -> Session:
    import chdb
    from pyarrow import ipc

    connection = chdb.connect(":memory:")

    def run(statement: str) -> Answer:
        try:
            answer = connection.query(statement, "ArrowStream").bytes()
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError(" ".join(str(error).split())) from error
        return list_arrow_rows(ipc.open_stream(answer).read_all()) if answer else ((), ())

    settings = ", ".join(f"{name} = {value!r}" for name, value in SETTINGS.items())
    run(f"SET {settings}")
    return Session(run, connection.close)


def _write_view(table: str, file: Path) -> str:
    path = str(file).replace("\\", "\\\\").replace("'", "\\'")
    return f"CREATE VIEW \"{table}\" AS SELECT * FROM file('{path}', Parquet)"  # noqa: S608 - ours


CLICKHOUSE = EngineKind(ClickHouseDialect, _start, _write_view)

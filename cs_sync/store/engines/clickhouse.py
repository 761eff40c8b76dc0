"""ClickHouse, in this process, over the Parquet files of an export."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Integer, Over
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import count

from cs_sync.store.engines.dialect import (
    Answer,
    EngineError,
    EngineKind,
    Session,
    TextCompiler,
    TextDialect,
    TextTypes,
    list_arrow_rows,
)

SETTINGS = {
    "aggregate_functions_null_for_empty": 1,
    "allow_experimental_correlated_subqueries": 1,
    "cast_string_to_date_time_mode": "best_effort",
    "join_use_nulls": 1,
    "session_timezone": "UTC",
    "union_default_mode": "DISTINCT",
    "use_variant_as_common_type": 0,
}
"""What makes ClickHouse answer as standard SQL does: null where there is nothing."""


class ClickHouseTypes(TextTypes):
    """ClickHouse's names of types, all of which take nulls."""

    names: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("SMALLINT", "INTEGER", "BIGINT"), "Nullable(Int64)"),
        **dict.fromkeys(("FLOAT", "DOUBLE PRECISION"), "Nullable(Float64)"),
        **dict.fromkeys(("VARCHAR", "TEXT", "JSON"), "Nullable(String)"),
        "NUMERIC": "Nullable(Decimal(38, 12))",
        "BOOLEAN": "Nullable(Bool)",
        "DATE": "Nullable(Date32)",
        "TIMESTAMP WITH TIME ZONE": "Nullable(DateTime64(6, 'UTC'))",
    }


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
        outermost = super()._render_cte_clause(*arguments, **options)  # type: ignore[no-untyped-call]
        ctes = (self.ctes or {}) if outermost else {}
        tables = (f"CREATE OR REPLACE TEMPORARY TABLE {cte};\n" for cte in ctes.values())
        return "".join(tables)

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Write a value: numbers and instants with their types."""
        if isinstance(value, datetime):
            return f"toDateTime64('{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"
        written = str(super().render_literal_value(value, type_))  # type: ignore[no-untyped-call]
        if isinstance(value, int) and not isinstance(value, bool):
            return f"toInt64({written})"
        return written.replace("\\", "\\\\")

    def visit_bindparam(self, bindparam: Any, *arguments: Any, **options: Any) -> str:
        """Write a parameter's value, a null with its type."""
        written = super().visit_bindparam(bindparam, *arguments, **options)
        if written != "NULL":
            return written
        return f"CAST(NULL AS {self.dialect.type_compiler_instance.process(bindparam.type)})"

    def visit_over(self, over: Any, **options: Any) -> str:
        """Write a window function, LEAD and LAG without a frame."""
        if over.element.name in ("lead", "lag"):
            over = Over(over.element, partition_by=over.partition_by, order_by=over.order_by)
        written = str(super().visit_over(over, **options, in_window=True))  # type: ignore[no-untyped-call]
        return f"toInt64({written})" if isinstance(over.type, Integer) else written

    def visit_lead_func(self, function: Any, **options: Any) -> str:
        """Write LEAD or LAG with null at the edge, not 0."""
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


def _start_session() -> Session:
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


CLICKHOUSE = EngineKind(ClickHouseDialect, _start_session, _write_view)

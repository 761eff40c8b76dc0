"""How rows of a table are written to one file, a few thousand at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Numeric, Table

from cs_sync.contracts.errors import ConfigError
from cs_sync.jobs.csv_text import csv_line
from cs_sync.store.everywhere import stored_as

Pages = Iterable[Sequence[Mapping[Any, Any]]]
"""Rows by name, some at a time."""

_EXACT = Decimal(1).scaleb(-12)
"""Decimal places that every database keeps (NUMERIC(38, 12))."""


def csv_writer(path: Path, table: Table, pages: Pages) -> int:
    """UTF-8 with a header; text that a spreadsheet would run is quoted. How many rows."""
    names, count = [column.name for column in table.c], 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line(names))
        for page in pages:
            file.writelines(csv_line([row[name] for name in names]) for row in page)
            count += len(page)
    return count


def jsonl_writer(path: Path, _table: Table, pages: Pages) -> int:
    """One JSON object per line; decimals as text, so that they stay exact. How many rows."""
    count = 0
    with path.open("wb") as file:
        for page in pages:
            option = orjson.OPT_APPEND_NEWLINE
            file.writelines(orjson.dumps(dict(row), default=str, option=option) for row in page)
            count += len(page)
    return count


def parquet_writer() -> Callable[[Path, Table, Pages], int]:
    """A writer of typed columns, JSON as text; raises ConfigError where pyarrow is missing."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "Parquet files need pyarrow",
            "pip install 'customer-success-sync[parquet]', or use --format csv",
        ) from None

    def write(path: Path, table: Table, pages: Pages) -> int:
        schema = arrow.schema([(column.name, _arrow_type(arrow, column)) for column in table.c])
        count = 0
        with parquet.ParquetWriter(path, schema, compression="zstd") as file:
            for page in pages:
                rows = [{name: _plain(row[name]) for name in schema.names} for row in page]
                file.write_table(arrow.Table.from_pylist(rows, schema=schema))
                count += len(page)
        return count

    return write


def _arrow_type(arrow: Any, column: Any) -> Any:
    kinds: list[tuple[Any, Any]] = [
        (Boolean, arrow.bool_()),
        (Integer, arrow.int64()),
        (Float, arrow.float64()),
        (Numeric, arrow.decimal128(38, 12)),
        (DateTime, arrow.timestamp("us", tz="UTC")),
        (Date, arrow.date32()),
    ]
    stored = stored_as(column.type)
    return next((kind for type_, kind in kinds if isinstance(stored, type_)), arrow.string())


def _plain(value: Any) -> Any:
    """What Arrow takes: structures as JSON text, decimals with the places of the column."""
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=str).decode()
    return value.quantize(_EXACT) if isinstance(value, Decimal) else value

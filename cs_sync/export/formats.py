"""File formats of an export, written in batches of rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, Date, DateTime, Float, Integer, Numeric, Table

from cs_sync.contracts.errors import ConfigError
from cs_sync.export.csv_cells import format_csv_line
from cs_sync.store.privacy.table_scan import get_stored_type

RowBatches = Iterable[Sequence[Mapping[Any, Any]]]
"""Rows by name, some at a time."""

_EXACT = Decimal(1).scaleb(-12)
"""Decimal places that every database keeps (NUMERIC(38, 12))."""

_WIDE = Context(prec=38)
"""Digits of such a number; the usual 28 are too few for one beyond 10^16."""


def write_csv(path: Path, table: Table, pages: RowBatches) -> int:
    """Write rows as UTF-8 CSV with a header and quoted formulas.

    Return their number.
    """
    names, count = [column.name for column in table.c], 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(format_csv_line(names))
        for page in pages:
            file.writelines(format_csv_line([row[name] for name in names]) for row in page)
            count += len(page)
    return count


def write_jsonl(path: Path, _table: Table, pages: RowBatches) -> int:
    """Write one JSON object per line; return their number.

    Decimals are exact text.
    """
    count = 0
    with path.open("wb") as file:
        for page in pages:
            option = orjson.OPT_APPEND_NEWLINE
            file.writelines(orjson.dumps(dict(row), default=str, option=option) for row in page)
            count += len(page)
    return count


def make_parquet_writer() -> Callable[[Path, Table, RowBatches], int]:
    """Return a writer of typed Parquet columns, with JSON as text.

    Raises:
        ConfigError: pyarrow is missing.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "Parquet files need pyarrow",
            "pip install 'customer-success-sync[parquet]', or use --format csv",
        ) from None

    def write(path: Path, table: Table, pages: RowBatches) -> int:
        schema = arrow.schema([(column.name, _to_arrow_type(arrow, column)) for column in table.c])
        json = {column.name for column in table.c if isinstance(column.type, JSON)}
        count = 0
        with parquet.ParquetWriter(path, schema, compression="zstd") as file:
            for page in pages:
                rows = [
                    {name: to_plain_value(row[name], is_json=name in json) for name in schema.names}
                    for row in page
                ]
                file.write_table(arrow.Table.from_pylist(rows, schema=schema))
                count += len(page)
        return count

    return write


def _to_arrow_type(arrow: Any, column: Any) -> Any:
    kinds: list[tuple[Any, Any]] = [
        (Boolean, arrow.bool_()),
        (Integer, arrow.int64()),
        (Float, arrow.float64()),
        (Numeric, arrow.decimal128(38, 12)),
        (DateTime, arrow.timestamp("us", tz="UTC")),
        (Date, arrow.date32()),
    ]
    stored = get_stored_type(column.type)
    return next((kind for type_, kind in kinds if isinstance(stored, type_)), arrow.string())


def to_plain_value(value: Any, *, is_json: bool) -> Any:
    """Convert JSON to text, and decimals to the column's scale."""
    if is_json and value is not None:
        return orjson.dumps(value, default=str).decode()
    return value.quantize(_EXACT, context=_WIDE) if isinstance(value, Decimal) else value

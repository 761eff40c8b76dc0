"""Reading of files row by row: CSV, JSON Lines, Parquet and workbooks."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cs_sync_files.contents import Content, count_lines
from cs_sync_files.csv_files import PickerMaker, read_csv, read_csv_cells, read_csv_columns
from cs_sync_files.layouts import FileLayout
from cs_sync_files.raw_rows import RawRow, refuse_file, settle_totals
from cs_sync_files.text_lines import LineReader, is_utf8, open_text
from cs_sync_files.workbooks import read_workbook, read_workbook_columns

FORMATS = (".csv", ".jsonl", ".parquet", ".xlsx")
_AS_NAMED = FileLayout()


def read_rows(
    path: Path, layout: FileLayout = _AS_NAMED, after: Content | None = None
) -> Iterator[RawRow]:
    """Yield every row of a file in order.

    The file is not loaded into memory.

    Args:
        path: The file.
        layout: How it is written.
        after: Of CSV or JSON Lines, the contents to begin behind; they end a row.

    Raises:
        ConfigError: The file is not a table (empty, UTF-16, not Parquet …).
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        return _read_parquet(path)
    if kind == ".jsonl":
        return _read_jsonl(path, layout, after)
    rows = read_workbook(path, layout) if kind == ".xlsx" else read_csv(path, layout, after)
    return settle_totals(rows, layout.totals)


def read_cells(
    path: Path, layout: FileLayout, make_picker: PickerMaker, lines: int | None = None
) -> Iterator[Sequence[Any]]:
    """Yield some fields' cells of every row, faulty rows too.

    None for absent cells.

    Args:
        path: The file.
        layout: How it is written.
        make_picker: Gives, for the columns, what picks the cells.
        lines: Of a text file, how many of its first lines to read; all by default.
    """
    if path.suffix.lower() == ".csv":
        yield from read_csv_cells(path, layout, make_picker, lines)
        return
    pickers: dict[tuple[str, ...], Callable[[Sequence[Any]], Sequence[Any]]] = {}
    for row in read_rows(path, layout):
        if lines is not None and row.line > lines:
            return
        if row.columns not in pickers:
            pickers[row.columns] = make_picker(row.columns)
        yield pickers[row.columns](row.cells)


def read_columns(path: Path, layout: FileLayout = _AS_NAMED) -> tuple[str, ...]:
    """Return a file's column names: its header or first object's keys."""
    kind = path.suffix.lower()
    if kind == ".csv":
        return read_csv_columns(path, layout)
    if kind == ".xlsx":
        return read_workbook_columns(path, layout)
    if kind == ".parquet":
        return tuple(_open_parquet(path).schema_arrow.names)
    return next((row.columns for row in read_rows(path, layout)), ())


def _read_jsonl(path: Path, layout: FileLayout, after: Content | None) -> Iterator[RawRow]:
    before = 0 if after is None else count_lines(path, after)
    with open_text(path, layout.encoding, after, newline=None) as stream:
        lines = LineReader(stream, layout.encoding)
        for number, line in enumerate(lines, start=1 + before):
            if line.isspace():
                continue
            fault = lines.take_fault()
            if fault is None:
                yield _json_row(path.name, number, line)
            else:
                yield RawRow(path.name, number, ("line",), (line,), fault)


def _json_row(file: str, number: int, line: str) -> RawRow:
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        why = f"is not JSON: {error}"
        return RawRow(file, number, ("line",), (line[:2000],), ("bad_json", why))
    if not isinstance(row, dict):
        why = 'is not a JSON object such as {"source_id": "1"}'
        return RawRow(file, number, ("line",), (line[:2000],), ("bad_json", why))
    fault: tuple[str, str] | None = None
    if "\\u" in line and not _is_storable(json.dumps(row, ensure_ascii=False)):
        fault = ("bad_encoding", "holds a NUL or half of a surrogate pair")
    return RawRow(file, number, tuple(row), tuple(row.values()), fault)


def _is_storable(text: str) -> bool:
    return "\\u0000" not in text and is_utf8(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _read_parquet(path: Path) -> Iterator[RawRow]:
    source = _open_parquet(path)
    number = 0
    for batch in source.iter_batches(batch_size=1000):
        columns = tuple(batch.schema.names)
        for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            yield RawRow(path.name, number, columns, cells)


def _open_parquet(path: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        refuse_file(
            path,
            "needs pyarrow",
            "pip install 'customer-success-sync-files[parquet]', or save it as .csv",
        )
    try:
        return parquet.ParquetFile(path)
    except ArrowException as error:
        refuse_file(path, f"is not a Parquet file: {error}", "write it again, or save it as .csv")

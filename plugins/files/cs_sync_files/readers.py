"""Reading of files row by row: CSV, JSON Lines and Parquet."""

import csv
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TextIO

from cs_sync import ConfigError

FORMATS = (".csv", ".jsonl", ".parquet")
_SEPARATOR = re.compile(r'"?sep=(?P<mark>[;,|\t])"?', re.IGNORECASE)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class RawRow(NamedTuple):
    """One row as read; `line` is its first line, `fault` (code, reason) if it is invalid."""

    file: str
    line: int
    columns: tuple[str, ...]
    cells: Any
    fault: tuple[str, str] | None = None

    @property
    def raw(self) -> dict[str, Any]:
        """The row by column name, for JSON; surplus cells have an empty name."""
        if self.fault is None and not self.file.lower().endswith(".parquet"):
            return dict(zip(self.columns, self.cells, strict=True))
        row: dict[str, Any] = {
            name: _to_storable(cell) for name, cell in zip(self.columns, self.cells, strict=False)
        }
        if len(self.cells) > len(self.columns):
            row[""] = [_to_storable(cell) for cell in self.cells[len(self.columns) :]]
        return row


def read_rows(path: Path) -> Iterator[RawRow]:
    """Yield every row of a file in order, without loading the file into memory.

    Raises:
        ConfigError: The file is no table (empty, UTF-16, not Parquet …).
    """
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    return readers[path.suffix.lower()](path)


def read_columns(path: Path) -> tuple[str, ...]:
    """Return the column names of a file: its header, or the first JSON object's keys."""
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            return _open_csv(path, stream)[1]
    if path.suffix.lower() == ".parquet":
        return tuple(_open_parquet(path).schema_arrow.names)
    return next((row.columns for row in read_rows(path)), ())


class _LineReader:
    """The lines of a text file; notes lines with NUL characters or invalid UTF-8."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.broken = False

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            if "\0" in line or not (line.isascii() or _is_utf8(line)):
                self.broken = True
            yield line

    def take_fault(self) -> tuple[str, str] | None:
        """Return the fault of the lines since the last call, if any."""
        if not self.broken:
            return None
        self.broken = False
        return "bad_encoding", "is not UTF-8 text; save the file as UTF-8"


def _is_utf8(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_csv(path: Path) -> Iterator[RawRow]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        lines, columns, reader = _open_csv(path, stream)
        file, width = path.name, len(columns)
        while True:
            begin = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                reason = f"lines {begin} to {reader.line_num} are not CSV: {_rephrase_error(error)}"
                yield RawRow(file, begin, columns, (), ("bad_csv", reason))
                continue
            if cells is None:
                return
            if len(cells) > width and not any(map(str.strip, cells[width:])):
                del cells[width:]  # separators without anything behind them say nothing
            fault = lines.take_fault() or _width_fault(len(cells), width)
            if any(cells):  # a line of separators is as blank as an empty one
                yield RawRow(file, begin, columns, cells, fault)


def _rephrase_error(error: csv.Error) -> str:
    """The parser's words, where they do not say what is wrong in the file."""
    message = str(error)
    if message.startswith("field larger"):
        return f"a cell has more than {csv.field_size_limit():,} characters"
    return "a quote is never closed" if message == "unexpected end of data" else message


def _width_fault(cells: int, columns: int) -> tuple[str, str] | None:
    if cells == columns:
        return None
    code = "too_many_cells" if cells > columns else "too_few_cells"
    return code, f"has {cells} cells under {columns} columns; quote cells that hold the separator"


def _open_csv(path: Path, stream: TextIO) -> tuple[_LineReader, tuple[str, ...], Any]:
    """Return lines, column names, and a reader positioned after the header.

    In many countries spreadsheets separate by semicolon or tab; the header shows it, or a
    line `sep=;` before it. Unnamed columns at the end are dropped.
    """
    with path.open("rb") as binary:
        if binary.read(2) in _UTF16:
            _refuse(path, "is UTF-16", "save it as UTF-8")
    blank, first = _pass_blank_lines(stream)
    match = _SEPARATOR.fullmatch(first.rstrip("\r\n "))
    guessed = [mark for mark in ";\t" if mark in first and "," not in first]
    stream.seek(0)
    lines = _LineReader(stream)
    separator = match["mark"] if match else (guessed or [","])[0]
    reader = csv.reader(iter(lines), delimiter=separator, strict=True)
    try:
        for _ in range(blank + bool(match)):
            next(reader)
        header = next(reader, None)
    except csv.Error as error:
        _refuse(path, f"has a header that is not CSV: {error}", "give the column names in line 1")
    if not header:
        _refuse(path, "is empty", "give it a header line, or take it out of the folder")
    if lines.take_fault():
        _refuse(path, "has a header that is not UTF-8", "save it as UTF-8")
    columns = [name.strip() for name in header]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        _refuse(path, "has no column names in line 1", "give it a header line")
    return lines, tuple(columns), reader


def _pass_blank_lines(stream: TextIO) -> tuple[int, str]:
    """How many blank lines a file begins with, and the first that is not."""
    for number, line in enumerate(iter(stream.readline, "")):
        if line.strip():
            return number, line
    return 0, ""


def _read_jsonl(path: Path) -> Iterator[RawRow]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
        lines = _LineReader(stream)
        for number, line in enumerate(lines, start=1):
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
    return "\\u0000" not in text and _is_utf8(text)


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
        _refuse(
            path,
            "needs pyarrow",
            "pip install 'customer-success-sync-files[parquet]', or save it as .csv",
        )
    try:
        return parquet.ParquetFile(path)
    except ArrowException as error:
        _refuse(path, f"is not a Parquet file: {error}", "write it again, or save it as .csv")


def _refuse(path: Path, what: str, remedy: str) -> NoReturn:
    raise ConfigError(f"{path} {what}", remedy)


def _to_storable(cell: Any) -> Any:
    """Return a value that JSON and every database can store."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    if isinstance(cell, list | tuple):
        return [_to_storable(part) for part in cell]
    if isinstance(cell, dict):
        return {str(name): _to_storable(part) for name, part in cell.items()}
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else str(cell)
    return cell if cell is None or isinstance(cell, bool | int) else str(cell)

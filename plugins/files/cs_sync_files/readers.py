"""Reading of files row by row: CSV, JSON Lines and Parquet."""

import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import TextIOWrapper
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, TextIO

from cs_sync import ConfigError
from cs_sync_files.contents import Content, count_lines

FORMATS = (".csv", ".jsonl", ".parquet")
BAD_CSV = "bad_csv"
_SEPARATOR = re.compile(r'"?sep=(?P<mark>[;,|\t])"?', re.IGNORECASE)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHECKED_LINES = 1000
"""So many lines are looked through at once for what is no text."""
FieldFinder = Callable[[str], str | None]


class RawRow(NamedTuple):
    """One row as read; `line` is its first line, `fault` (code, reason) if it is invalid.

    Called, it gives the row as a connector's record may keep it.
    """

    file: str
    line: int
    columns: tuple[str, ...]
    cells: Any
    fault: tuple[str, str] | None = None

    def __call__(self) -> dict[str, Any]:
        """Return the row by column name, for JSON.

        Surplus cells have an empty name.
        """
        if self.fault is None and not self.file.lower().endswith(".parquet"):
            return dict(zip(self.columns, self.cells, strict=True))
        row: dict[str, Any] = {
            name: _to_storable(cell) for name, cell in zip(self.columns, self.cells, strict=False)
        }
        if len(self.cells) > len(self.columns):
            row[""] = [_to_storable(cell) for cell in self.cells[len(self.columns) :]]
        return row


def read_rows(path: Path, after: Content | None = None) -> Iterator[RawRow]:
    """Yield every row of a file in order.

    The file is not loaded into memory.

    Args:
        path: The file.
        after: Of CSV or JSON Lines, the contents to begin behind; they end a row.

    Raises:
        ConfigError: The file is no table (empty, UTF-16, not Parquet …).
    """
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl}
    return readers[path.suffix.lower()](path, after)


def read_cells(
    path: Path, names: Sequence[str], find_field: FieldFinder, lines: int | None = None
) -> Iterator[Sequence[Any]]:
    """Yield some fields' cells of every row, faulty rows too.

    None for absent cells.

    Args:
        path: The file.
        names: The fields.
        find_field: Gives the field of a column.
        lines: Of a text file, how many of its first lines to read; all by default.
    """
    if path.suffix.lower() == ".csv":
        yield from _read_csv_cells(path, names, find_field, lines)
        return
    places: dict[tuple[str, ...], list[int | None]] = {}
    for row in read_rows(path):
        if lines is not None and row.line > lines:
            return
        if row.columns not in places:
            places[row.columns] = _find_places(row.columns, names, find_field)
        yield _pick_cells(row.cells, places[row.columns])


def _read_csv_cells(
    path: Path, names: Sequence[str], find_field: FieldFinder, lines: int | None
) -> Iterator[Sequence[Any]]:
    with _open_text(path) as stream:
        _, columns, header = _open_csv(path, stream)
    places, width = _find_places(columns, names, find_field), len(columns)
    pick = _make_picker(places)
    with _open_text(path) as stream:
        reader = csv.reader(islice(stream, header.line_num, lines), header.dialect)
        while True:
            try:
                for cells in reader:
                    yield pick(cells) if len(cells) == width else _pick_cells(cells, places)
            except csv.Error:
                continue
            return


def _find_places(
    columns: Sequence[str], names: Sequence[str], find_field: FieldFinder
) -> list[int | None]:
    fields = list(map(find_field, columns))
    return [fields.index(name) if name in fields else None for name in names]


def _make_picker(places: Sequence[int | None]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what picks these cells of a row that has all columns."""
    present = [at for at in places if at is not None]
    if len(present) < len(places):
        return partial(_pick_cells, places=places)
    if len(present) == 1:
        return itemgetter(slice(present[0], present[0] + 1))
    return itemgetter(*present)


def _pick_cells(cells: Sequence[Any], places: Sequence[int | None]) -> tuple[Any, ...]:
    width = len(cells)
    return tuple([None if at is None or at >= width else cells[at] for at in places])


def read_columns(path: Path) -> tuple[str, ...]:
    """Return a file's column names: its header or first object's keys."""
    if path.suffix.lower() == ".csv":
        with _open_text(path) as stream:
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
        while lines := list(islice(self._stream, _CHECKED_LINES)):
            text = "".join(lines)
            if "\0" not in text and (text.isascii() or _is_utf8(text)):
                yield from lines
                continue
            for line in lines:
                if "\0" in line or not _is_utf8(line):
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


def _open_text(
    path: Path, after: Content | None = None, newline: Literal[""] | None = ""
) -> TextIO:
    """Open a text file, behind contents of it that end a line."""
    if after is None:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline)
    binary = path.open("rb")
    binary.seek(after.size)
    return TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape", newline=newline)


def _read_csv(path: Path, after: Content | None) -> Iterator[RawRow]:
    with _open_text(path) as stream:
        lines, columns, reader = _open_csv(path, stream)
        if after is None:
            yield from _read_csv_rows(path.name, lines, columns, reader)
            return
        dialect = reader.dialect
    before = count_lines(path, after.size)
    with _open_text(path, after) as stream:
        lines = _LineReader(stream)
        reader = csv.reader(iter(lines), dialect)
        yield from _read_csv_rows(path.name, lines, columns, reader, before)


def _read_csv_rows(
    file: str, lines: _LineReader, columns: tuple[str, ...], reader: Any, before: int = 0
) -> Iterator[RawRow]:
    width, end = len(columns), before + reader.line_num
    while True:
        try:
            for cells in reader:
                begin, end = end + 1, before + reader.line_num
                if len(cells) != width or lines.broken:
                    fault = _find_fault(lines, cells, width)
                    if any(cells):
                        yield RawRow(file, begin, columns, cells, fault)
                elif cells[0] or any(cells):  # a line of separators is as blank as an empty one
                    yield RawRow(file, begin, columns, cells)
        except csv.Error as error:
            begin, end = end + 1, before + reader.line_num
            reason = f"lines {begin} to {end} are not CSV: {_rephrase_error(error)}"
            yield RawRow(file, begin, columns, (), (BAD_CSV, reason))
            continue
        return


def _find_fault(lines: _LineReader, cells: list[str], width: int) -> tuple[str, str] | None:
    """Find what is wrong with a row.

    Separators without anything behind them say nothing.
    """
    if len(cells) > width and not any(map(str.strip, cells[width:])):
        del cells[width:]
    return lines.take_fault() or _width_fault(len(cells), width)


def _rephrase_error(error: csv.Error) -> str:
    """Rephrase the parser's words where they do not say what is wrong."""
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
    """Count the blank lines before the first that is not.

    Returns that line, too.
    """
    for number, line in enumerate(iter(stream.readline, "")):
        if line.strip():
            return number, line
    return 0, ""


def _read_jsonl(path: Path, after: Content | None) -> Iterator[RawRow]:
    before = 0 if after is None else count_lines(path, after.size)
    with _open_text(path, after, newline=None) as stream:
        lines = _LineReader(stream)
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

"""Reading of CSV files, with their header where people put it."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from cs_sync_files.contents import Content, count_lines, read_blocks
from cs_sync_files.layouts import FileLayout
from cs_sync_files.raw_rows import RawRow, refuse_file
from cs_sync_files.text_lines import LineReader, check_encoding, describe_remedy, open_text

BAD_CSV = "bad_csv"
_SEPARATOR = re.compile(r'"?sep=(?P<mark>[;,|\t])"?', re.IGNORECASE)
FindPlace = Callable[[Sequence[str]], Any]
"""Returns where a row of these columns has a cell: an index, if it is one column's."""
PickerMaker = Callable[[Sequence[str]], Callable[[Sequence[Any]], Sequence[Any]]]


def read_csv_columns(path: Path, layout: FileLayout) -> tuple[str, ...]:
    """Return the column names of a CSV file."""
    with open_text(path, layout.encoding) as stream:
        return _open_csv(path, stream, layout)[1]


def read_csv_cells(
    path: Path, layout: FileLayout, make_picker: PickerMaker, lines: int | None
) -> Iterator[Sequence[Any]]:
    """Yield the picked cells of every row, faulty rows too."""
    with open_text(path, layout.encoding) as stream:
        _, columns, header = _open_csv(path, stream, layout)
    pick = make_picker(columns)
    begin = max(header.line_num, (layout.first_row or 1) - 1)
    with open_text(path, layout.encoding) as stream:
        reader = csv.reader(islice(stream, begin, lines), header.dialect)
        while True:
            try:
                for cells in reader:
                    yield pick(cells)
            except csv.Error:
                continue
            return


def holds_text(
    path: Path, layout: FileLayout, find_place: FindPlace, texts: Iterable[str], size: int
) -> bool | None:
    """Return whether a column of a file's first bytes holds some text.

    None where only the cells tell: a quote, a short line, an empty cell, or no such column. To
    split bytes takes a fifth of the time that it takes to read cells.

    Args:
        path: The file.
        layout: How it is written.
        find_place: Finds the column's place among the columns.
        texts: The texts, one of which is enough.
        size: How many bytes to look at; they end a line.
    """
    with open_text(path, layout.encoding) as stream:
        _, columns, header = _open_csv(path, stream, layout)
    place, separator = find_place(columns), header.dialect.delimiter.encode()
    if layout.encoding != "utf-8" or not isinstance(place, int):
        return None
    wanted, rest = {text.encode(errors="surrogateescape") for text in texts}, b""
    end = b""
    for block in read_blocks(path, size):
        text = rest + block
        end = end or (b"\r\n" if text.partition(b"\n")[0].endswith(b"\r") else b"\n")
        *lines, rest = text.split(end)
        ends = (text.count(b"\r") - rest.endswith(b"\r"), text.count(b"\n"))
        if b'"' in text or ends != (len(lines) * (len(end) - 1), len(lines)):
            return None  # a cell of several lines, or lines that end in several ways
        try:
            cells = (
                {line.split(separator, place + 1)[place] for line in lines}
                if place
                else {line.partition(separator)[0] for line in lines}  # in two thirds of the time
            )
        except IndexError:
            return None
        if b"" in cells:
            return None
        if cells & wanted:
            return True
    return False


def read_csv(path: Path, layout: FileLayout, after: Content | None) -> Iterator[RawRow]:
    """Yield every row of a CSV file, or those behind `after`."""
    with open_text(path, layout.encoding) as stream:
        lines, columns, reader = _open_csv(path, stream, layout)
        if after is None:
            rows = _read_csv_rows(path.name, lines, columns, reader)
            first = layout.first_row
            yield from rows if first is None else (row for row in rows if row.line >= first)
            return
        dialect = reader.dialect
    before = count_lines(path, after)
    with open_text(path, layout.encoding, after) as stream:
        lines = LineReader(stream, layout.encoding)
        reader = csv.reader(iter(lines), dialect)
        yield from _read_csv_rows(path.name, lines, columns, reader, before)


def _read_csv_rows(
    file: str, lines: LineReader, columns: tuple[str, ...], reader: Any, before: int = 0
) -> Iterator[RawRow]:
    width, end = len(columns), before + reader.line_num
    make_row = partial(tuple.__new__, RawRow)  # in half of the time that RawRow takes by itself
    while True:
        try:
            for cells in reader:
                begin, end = end + 1, before + reader.line_num
                if len(cells) != width or lines.broken:
                    fault = _find_fault(lines, cells, width)
                    if any(cells):
                        yield RawRow(file, begin, columns, cells, fault)
                elif cells[0] or any(cells):  # a line of separators is as blank as an empty one
                    yield make_row((file, begin, columns, cells, None))
        except csv.Error as error:
            begin, end = end + 1, before + reader.line_num
            reason = f"lines {begin} to {end} are not CSV: {_rephrase_error(error)}"
            yield RawRow(file, begin, columns, (), (BAD_CSV, reason))
            continue
        return


def _find_fault(lines: LineReader, cells: list[str], width: int) -> tuple[str, str] | None:
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


def _open_csv(
    path: Path, stream: TextIO, layout: FileLayout
) -> tuple[LineReader, tuple[str, ...], Any]:
    """Return lines, column names, and a reader positioned after the header.

    In many countries spreadsheets separate by semicolon or tab; the header shows it, or a
    line `sep=;` before it. Unnamed columns at the end are dropped.
    """
    check_encoding(path, layout.encoding)
    before, separator = _find_header(stream, layout)
    stream.seek(0)
    lines = LineReader(stream, layout.encoding)
    reader = csv.reader(iter(lines), delimiter=separator, strict=True)
    at = f"line {layout.header}" if layout.header else "line 1"
    try:
        while reader.line_num < before:
            next(reader)
        header = next(reader, None)
    except StopIteration:
        header = None
    except csv.Error as error:
        refuse_file(
            path, f"has a header that is not CSV: {error}", f"give the column names in {at}"
        )
    if not header:
        refuse_file(path, "is empty", "give it a header line, or take it out of the folder")
    if lines.take_fault():
        refuse_file(path, f"has a header that is not {layout.encoding.upper()}", describe_remedy())
    columns = [name.strip() for name in header]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        refuse_file(path, f"has no column names in {at}", "give it a header line")
    return lines, tuple(columns), reader


def _find_header(stream: TextIO, layout: FileLayout) -> tuple[int, str]:
    """Return how many lines precede the header, and its separator."""
    if layout.header:
        before, match = layout.header - 1, None
        line = next(islice(stream, before, None), "")
    else:
        blank, line = _pass_blank_lines(stream)
        match = _SEPARATOR.fullmatch(line.rstrip("\r\n "))
        before = blank + bool(match)
    return before, layout.separator or (match["mark"] if match else guess_separator(line))


def guess_separator(header: str) -> str:
    """Return what separates names, as spreadsheets of many countries write them."""
    return next((mark for mark in ";\t" if mark in header and "," not in header), ",")


def _pass_blank_lines(stream: TextIO) -> tuple[int, str]:
    """Count the blank lines before the first that is not.

    Returns that line, too.
    """
    for number, line in enumerate(iter(stream.readline, "")):
        if line.strip():
            return number, line
    return 0, ""

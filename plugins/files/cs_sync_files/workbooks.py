"""Reading of workbooks (.xlsx): values as a spreadsheet shows them, formulas by their result."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from cs_sync_files.layouts import FileLayout
from cs_sync_files.raw_rows import CellError, RawRow, refuse_file

_DIGITS = 15
"""So many digits of a number a spreadsheet keeps; what follows is of binary arithmetic."""
_SHEETS = "xl/worksheets/"
_FORMULAS = (b"<f>", b"<f ")
NO_RESULT = "its result is not stored; open the file in the spreadsheet, and save it"


def read_workbook_columns(path: Path, layout: FileLayout) -> tuple[str, ...]:
    """Return the column names of a sheet."""
    with open_workbook(path) as book:
        return _find_header(path, read_lines(_pick_sheet(path, book, layout.sheet)), layout)


def read_workbook(path: Path, layout: FileLayout) -> Iterator[RawRow]:
    """Yield every row of a sheet that is not blank."""
    formulas = _find_formulas(path, layout) if _has_formulas(path) else {}
    with open_workbook(path) as book:
        rows = read_lines(_pick_sheet(path, book, layout.sheet))
        columns = _find_header(path, rows, layout)
        for line, cells in rows:
            formula_cells = formulas.get(line, ())
            values = [_read_value(cell, formula_cells, at) for at, cell in enumerate(cells)]
            if line >= (layout.first_row or 1) and any(value is not None for value in values):
                yield _make_row(path.name, line, columns, values)


@contextmanager
def open_workbook(path: Path, *, formulas: bool = False) -> Iterator[Any]:
    """Open a workbook to read values, or formulas instead of their results.

    Raises:
        ConfigError: It is not a workbook, or the library is missing.
    """
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        refuse_file(
            path,
            "needs openpyxl",
            "pip install 'customer-success-sync-files[xlsx]', or save it as .csv",
        )
    try:
        book = load_workbook(path, read_only=True, data_only=not formulas)
    except (BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        refuse_file(path, f"is not a workbook: {error}", "save it again as .xlsx, or as .csv")
    try:
        yield book
    finally:
        book.close()


def list_sheets(book: Any) -> list[Any]:
    """Return the visible sheets that hold something."""
    return [
        sheet
        for sheet in book.worksheets
        if sheet.sheet_state == "visible" and next(read_lines(sheet), None) is not None
    ]


def _pick_sheet(path: Path, book: Any, name: str) -> Any:
    if name:
        for sheet in book.worksheets:
            if sheet.title.strip().casefold() == name.strip().casefold():
                return sheet
        listed = ", ".join(sheet.title for sheet in book.worksheets)
        refuse_file(path, f"has no sheet {name!r}", f"correct sheet; it has {listed}")
    sheets = list_sheets(book)
    if len(sheets) > 1:
        listed = ", ".join(repr(sheet.title) for sheet in sheets)
        refuse_file(path, f"has several sheets: {listed}", f'set sheet = "{sheets[0].title}"')
    if not sheets:
        refuse_file(path, "is empty", "give it a header line, or take it out of the folder")
    return sheets[0]


def read_lines(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield the cells of every line that has any, with its number."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if any(cell.value is not None for cell in cells):
            yield number, list(cells)


def _find_header(
    path: Path, rows: Iterator[tuple[int, list[Any]]], layout: FileLayout
) -> tuple[str, ...]:
    """Read on to the header; return the names of its columns."""
    wanted = layout.header
    header = next((row for row in rows if row[0] >= (wanted or 1)), None)
    if header is None or wanted not in (None, header[0]):
        refuse_file(path, f"has no column names in line {wanted or 1}", "correct header")
    names = ["" if cell.value is None else str(cell.value).strip() for cell in header[1]]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _read_value(cell: Any, formulas: Sequence[Any], at: int) -> Any:
    """Return a cell's value as a text file would show it."""
    value = cell.value
    if value is None:
        formula = formulas[at] if at < len(formulas) else None
        if formula is not None and formula.data_type == "f" and cell.data_type == "n":
            return CellError(str(formula.value), NO_RESULT)
        return None
    if cell.data_type == "e":
        return CellError(str(value))
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _read_number(value, cell.number_format or "")
    if isinstance(value, time | timedelta):
        return str(value)
    return value


def _read_number(value: float, number_format: str) -> Any:
    """Return a number as it is shown; a percentage as text."""
    number = value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")
    if "%" in number_format:
        return f"{(Decimal(str(number)) * 100).normalize():f}%"
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _make_row(file: str, line: int, columns: tuple[str, ...], values: list[Any]) -> RawRow:
    width = len(columns)
    if any(value is not None for value in values[width:]):
        why = f"has {len(values)} cells under {width} columns; name every column"
        return RawRow(file, line, columns, values, ("too_many_cells", why))
    padded = [*values[:width], *[None] * (width - len(values))]
    return RawRow(file, line, columns, padded)


def _find_formulas(path: Path, layout: FileLayout) -> dict[int, list[Any]]:
    """Return the lines of a sheet that hold formulas."""
    with open_workbook(path, formulas=True) as book:
        lines = read_lines(_pick_sheet(path, book, layout.sheet))
        return {
            line: cells for line, cells in lines if any(cell.data_type == "f" for cell in cells)
        }


def _has_formulas(path: Path) -> bool:
    """Return whether any sheet of a workbook holds a formula."""
    with ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith(_SHEETS) and name.endswith(".xml"):
                text = archive.read(name)
                if any(mark in text for mark in _FORMULAS):
                    return True
    return False

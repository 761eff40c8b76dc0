"""Tables as plain lines, for files and pipes: nothing is folded or coloured.

rich measures, wraps and styles every cell, which takes a second for a thousand rows.
"""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

GAP = "  "


def format_plainly(shown: RenderableType, width: int) -> list[str] | None:
    """Format a table, a text, or a group of them.

    None for what has to be folded.

    Args:
        shown: What is to be printed; tables are without lines, as `make_table` makes them.
        width: Columns of a line.
    """
    if isinstance(shown, Group):
        parts = [format_plainly(part, width) for part in shown.renderables]
        return None if None in parts else [line for part in parts if part for line in part]
    if isinstance(shown, Text):
        lines = shown.plain.split("\n")
        return lines if max(map(_measure, lines)) <= width else None
    if not isinstance(shown, Table) or shown.box or shown.title or shown.caption:
        return None
    columns = _align_lines([_list_cells(column) for column in shown.columns])
    sizes = [max(map(_measure, cells), default=0) for cells in columns]
    if sum(sizes) + len(GAP) * (len(sizes) - 1) > width:
        return None
    padded = [
        _pad(cells, size, right=column.justify == "right")
        for column, cells, size in zip(shown.columns, columns, sizes, strict=True)
    ]
    return [GAP.join(row) for row in zip(*padded, strict=True)]


def _list_cells(column: Column) -> list[str]:
    """List the plain texts of a column, its heading first."""
    return [_get_plain(cell) for cell in (column.header, *column.cells)]


def _align_lines(columns: Sequence[Sequence[str]]) -> list[list[str]]:
    """Split cells into lines.

    A row has as many as its longest cell.
    """
    aligned: list[list[str]] = [[] for _ in columns]
    for row in zip(*columns, strict=True):
        cells = [cell.split("\n") for cell in row]
        height = max(map(len, cells))
        for column, lines in zip(aligned, cells, strict=True):
            column += lines + [""] * (height - len(lines))
    return aligned


def _get_plain(cell: RenderableType) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _measure(text: str) -> int:
    """Return the columns that a text takes; wide characters take two."""
    return len(text) if text.isascii() else cell_len(text)


def _pad(cells: Sequence[str], size: int, *, right: bool) -> Iterator[str]:
    for cell in cells:
        blank = " " * (size - _measure(cell))
        yield blank + cell if right else cell + blank

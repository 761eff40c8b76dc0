"""A table whose thousands of rows are written line by line, where nothing has to be folded."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

MIN_ROWS = 200
"""Shorter tables take no time either way."""


class LongTable(Table):
    """A table without lines that a console measures and folds only if it has to."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Write the rows as they are where they fit.

        Else it is left to the table.
        """
        columns = _list_cells(self.columns) if self.row_count >= MIN_ROWS else None
        if columns is not None:
            widths = [max(map(_measure, cells)) for cells in columns]
            gap = self.padding[1]
            if sum(widths) + gap * (len(widths) - 1) <= options.max_width:
                yield from self._write_rows(console, columns, widths, gap)
                return
        yield from super().__rich_console__(console, options)

    def _write_rows(
        self, console: Console, columns: Sequence[Sequence[Text]], widths: Sequence[int], gap: int
    ) -> Iterator[Segment]:
        last = len(columns) - 1
        for row in zip(*columns, strict=True):
            for number, (cell, column, width) in enumerate(
                zip(row, self.columns, widths, strict=True)
            ):
                blank = " " * (width - _measure(cell))
                right = column.justify == "right"
                if right:
                    yield Segment(blank)
                style = console.get_style(cell.style) if cell.style else None
                yield from Segment.apply_style(cell.render(console, end=""), style)
                yield Segment(("" if right else blank) + " " * (gap if number < last else 0))
            yield Segment.line()


def _list_cells(columns: Sequence[Column]) -> list[list[Text]] | None:
    """List each column's heading and cells, if all are plain lines."""
    listed = []
    for column in columns:
        cells = [Text(str(column.header), style="bold"), *column.cells]
        if not all(isinstance(cell, Text) and "\n" not in cell.plain for cell in cells):
            return None
        listed.append(cells)
    return listed  # type: ignore[return-value]


def _measure(cell: Text) -> int:
    return cell_len(cell.plain)

"""Prints rows to standard output as JSON, CSV or a table; nothing else is written there."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console, RenderableType
from rich.table import Table

from cs_sync.cli.values import cell, harmless, text
from cs_sync.jobs.csv_text import csv_line, plain

Rows = Sequence[Mapping[str, Any]]


_UNBOUNDED = 1000
"""Columns of a line that goes to a file or a pipe: nothing there has to be folded."""


def console() -> Console:
    """Standard output: folded to the terminal's width, one line per row anywhere else."""
    shown = Console(highlight=False, markup=False, emoji=False)
    if not shown.is_terminal and "COLUMNS" not in os.environ:
        shown.width = _UNBOUNDED
    return shown


def write_rows(
    output: str,
    rows: Rows,
    fields: Sequence[str],
    table: Callable[[Rows], RenderableType] | None = None,
) -> None:
    """Print rows: `fields` come first and in this order, whatever else a row has follows."""
    if output == "table":
        console().print(table(rows) if table else plain_table(rows, fields))
        return
    names = [*fields, *(n for n in dict.fromkeys(k for r in rows for k in r) if n not in fields)]
    written = to_json(rows, names) if output == "json" else to_csv(rows, names)
    # Whoever looks at it sees it clean; a file or another program gets it as it is.
    sys.stdout.write(harmless(written) if sys.stdout.isatty() else written)
    sys.stdout.flush()


def to_json(rows: Rows, names: Sequence[str]) -> str:
    """A JSON array of flat objects, every one with all the names in the same order."""
    ordered = [{name: row.get(name) for name in names} for row in rows]
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(ordered, default=plain, option=options).decode()


def to_csv(rows: Rows, names: Sequence[str]) -> str:
    """Comma-separated values with a header; a text that a spreadsheet would run is quoted."""
    return "".join(map(csv_line, [names, *([row.get(name) for name in names] for row in rows)]))


def plain_table(rows: Rows, fields: Sequence[str]) -> RenderableType:
    """Rows as they are, for lists that need no numbers formatted."""
    if not rows:
        return text("nothing to show", "dim")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for field in fields:
        table.add_column(field.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(field)) for field in fields))
    return table

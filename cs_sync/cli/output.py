"""Output of rows to standard output as JSON, CSV or a table, and of nothing else."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from cs_sync.cli.render.formatting import format_cell, make_text, strip_control_characters
from cs_sync.cli.render.plain_lines import format_plainly
from cs_sync.export.csv_cells import format_csv_line, to_json_value
from cs_sync.i18n import ENGLISH, Translator

Rows = Sequence[Mapping[str, Any]]
Table = Callable[[Rows, Translator], RenderableType]
"""Builds the table of a command from its rows, in a language."""


_UNBOUNDED_WIDTH = 1000
"""Columns of a line that goes to a file or a pipe: nothing there has to be folded."""


def make_console() -> Console:
    """Create a console on standard output.

    It folds lines to a terminal's width; elsewhere every row is one line.
    """
    shown = Console(highlight=False, markup=False, emoji=False)
    if not shown.is_terminal and "COLUMNS" not in os.environ:
        shown.width = _UNBOUNDED_WIDTH
    return shown


def print_rows(
    output: str,
    rows: Rows,
    fields: Sequence[str],
    table: Table | None = None,
    words: Translator = ENGLISH,
) -> None:
    """Print rows in the chosen format.

    Args:
        output: The format: table, json or csv.
        rows: The rows.
        fields: Fields in their order; further fields of the rows follow.
        table: Builds the table; default: a plain one.
        words: The language of the table; names and values of the data stay as they are.
    """
    if output == "table":
        print_table(table(rows, words) if table else plain_table(rows, fields, words))
        return
    names = [*fields, *(n for n in dict.fromkeys(k for r in rows for k in r) if n not in fields)]
    written = format_json(rows, names) if output == "json" else format_csv(rows, names)
    # Whoever looks at it sees it clean; a file or another program gets it as it is.
    sys.stdout.write(strip_control_characters(written) if sys.stdout.isatty() else written)
    sys.stdout.flush()


def print_table(shown: RenderableType) -> None:
    """Print a table on standard output.

    To a file or a pipe it goes as plain lines, where they fit.
    """
    console = make_console()
    lines = None if console.is_terminal else format_plainly(shown, console.width)
    if lines is None:
        console.print(shown)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines))


def format_json(rows: Rows, names: Sequence[str]) -> str:
    """Format flat objects as a JSON array with equal names and order."""
    ordered = [{name: row.get(name) for name in names} for row in rows]
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(ordered, default=to_json_value, option=options).decode()


def format_csv(rows: Rows, names: Sequence[str]) -> str:
    """Format comma-separated values with a header; texts run by spreadsheets are quoted."""
    return "".join(
        map(format_csv_line, [names, *([row.get(name) for name in names] for row in rows)])
    )


def plain_table(rows: Rows, fields: Sequence[str], words: Translator = ENGLISH) -> RenderableType:
    """Build a table of unformatted values with translated headings."""
    if not rows:
        return make_text(words("terminal.nothing"), "dim")
    table = RichTable(box=None, pad_edge=False, header_style="bold")
    for field in fields:
        table.add_column(words.find(f"column.{field}", field.replace("_", " ")), overflow="fold")
    for row in rows:
        table.add_row(*(_format_field(field, row.get(field), words) for field in fields))
    return table


def _format_field(field: str, value: Any, words: Translator) -> Text:
    """Format a value: codes by name, amounts in their unit."""
    if isinstance(value, str):
        key = "band" if field in ("from", "to", "band") else field
        value = words.find(f"{key}.{value}", value)
    return format_cell(value, words)

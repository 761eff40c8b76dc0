"""The table of a stream's trial: each record with its fields, or why it was rejected."""

from rich.console import RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import (
    Row,
    Rows,
    join_lines,
    make_table,
    status_cell,
    table_or_message,
)
from cs_sync.cli.render.formatting import make_text
from cs_sync.i18n import Translator

_OWN = ("record", "source_id", "status", "reason")
MAX_VALUE = 120
"""Characters of a value; an author looks for what is where, not at whole comments."""


def trial_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of a trial."""
    table = make_table(words, "record", "status", "")
    for row in rows:
        name = Text.assemble(make_text(row["record"]), " ", make_text(str(row["source_id"]), "dim"))
        about = make_text(row["reason"]) if row["reason"] else _list_fields(row)
        table.add_row(name, status_cell(row["status"], words), about)
    return table_or_message(table, rows, words("terminal.nothing"))


def _list_fields(row: Row) -> Text:
    """Return the fields of a record, a line each."""
    fields = {name: value for name, value in row.items() if name not in _OWN}
    return join_lines(f"{name}: {str(value)[:MAX_VALUE]}" for name, value in fields.items())

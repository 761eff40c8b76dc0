"""A long table looks as the same table drawn by the console itself."""

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cs_sync.cli.render.cells import make_table
from cs_sync.cli.render.formatting import make_text
from cs_sync.cli.render.long_table import MIN_ROWS
from cs_sync.i18n import ENGLISH


def fill(table: Table, rows: int) -> Table:
    for number in range(rows):
        name = Text.assemble("株式会社 " * (number % 2), "A", (f" a{number}", "dim"))
        table.add_row(name, make_text("" if number % 3 else "Oct 2026"), make_text(f"{number} EUR"))
    return table


def draw(table: Table, width: int, **how: object) -> str:
    console = Console(file=StringIO(), width=width, highlight=False, **how)  # type: ignore[arg-type]
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [200, 12])
def test_it_looks_as_any_table(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Where it is too wide, it is folded as any other."""
    made = fill(make_table(ENGLISH, "account", "period", "opening>"), MIN_ROWS)
    drawn = draw(made, width)
    monkeypatch.setattr("cs_sync.cli.render.long_table.MIN_ROWS", MIN_ROWS + 1)
    assert drawn == draw(made, width)
    assert len(drawn.splitlines()) == MIN_ROWS + 1 or width == 12


def test_colours_are_kept() -> None:
    made = fill(make_table(ENGLISH, "account", "period", "opening>"), MIN_ROWS)
    drawn = draw(made, 200, force_terminal=True, color_system="standard")
    assert "\x1b[2m a7\x1b[0m" in drawn
    assert "\x1b[1m" in drawn.splitlines()[0]

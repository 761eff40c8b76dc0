"""Tables in files and pipes: the lines that rich would print, without what it takes."""

from io import StringIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, Group

from cs_sync.cli.render.cells import make_table
from cs_sync.cli.render.formatting import make_text
from cs_sync.cli.render.plain_lines import format_plainly
from cs_sync.i18n import ENGLISH

TEXTS = st.sampled_from(
    ("", "a", "Ąćme", "1,234.00 EUR", "客户成功", "ลูกค้า", "–", "a  b", "two\nlines")
)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5)


def print_by_rich(shown: Any, width: int = 1000) -> str:
    console = Console(file=StringIO(), width=width, highlight=False, markup=False, emoji=False)
    console.print(shown)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def build_table(rows: list[tuple[str, str, str]]) -> Any:
    table = make_table(ENGLISH, "account", "records>", "status")
    for row in rows:
        table.add_row(*map(make_text, row))
    return table


@given(rows=ROWS)
def test_the_lines_are_those_that_rich_prints(rows: list[tuple[str, str, str]]) -> None:
    shown = Group(build_table(rows), make_text("3 accounts"))
    lines = format_plainly(shown, 1000)
    assert lines is not None
    assert "".join(f"{line}\n" for line in lines) == print_by_rich(shown)


def test_what_has_to_be_folded_is_left_to_rich() -> None:
    table = build_table([("a" * 60, "1", "ok")])
    assert format_plainly(table, 40) is None

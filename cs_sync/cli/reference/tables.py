"""Markdown tables."""

from collections.abc import Iterable, Iterator, Sequence


def render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table and an empty line."""
    yield _render_row(head)
    yield _render_row(["---"] * len(head))
    for row in rows:
        yield _render_row([" ".join(cell.split()).replace("|", "\\|") for cell in row])
    yield ""


def _render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

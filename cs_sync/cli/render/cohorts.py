"""Table of cohorts: what stayed of accounts and of MRR, as a heat map."""

from collections.abc import Callable
from datetime import date

from rich.console import Group, RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import Row, Rows, make_table, table_or_message
from cs_sync.cli.render.formatting import format_count, format_money, make_text
from cs_sync.i18n import Translator

COHORT_FIELDS = (
    "cohort", "age", "accounts", "retained", "rate", "mrr", "mrr_retained", "currency",
)  # fmt: skip
_HEAT = (
    (0.9, "black on green"),
    (0.7, "black on yellow"),
    (0.5, "white on dark_orange3"),
    (0.0, "white on red"),
)
"""From this share on the colour; the share itself stands in the cell."""


def cohorts_table(rows: Rows, words: Translator) -> RenderableType:
    """Build two tables by month: shares of accounts and MRR."""
    if not rows:
        return make_text(words("terminal.no_cohort"), "dim")
    return Group(
        make_text(words("terminal.cohort_accounts"), "bold"),
        _build_heat_map(rows, lambda row: row["rate"], words),
        make_text(""),
        make_text(words("terminal.cohort_mrr"), "bold"),
        _build_heat_map(rows, _get_mrr_share, words),
    )


def _get_mrr_share(row: Row) -> float | None:
    return row["mrr_retained"] / row["mrr"] if row["mrr"] else None


def _build_heat_map(
    rows: Rows, share: Callable[[Row], float | None], words: Translator
) -> RenderableType:
    table = make_table(words, "first_mrr", "accounts>", "mrr>")
    for age in range(max(row["age"] for row in rows) + 1):
        table.add_column(str(age), justify="right", no_wrap=True)
    cohorts: dict[date, list[Row]] = {}
    for row in rows:
        cohorts.setdefault(row["cohort"], []).append(row)
    for month, ages in cohorts.items():
        first = ages[0]
        table.add_row(
            make_text(words.format_month(month)),
            make_text(format_count(first["accounts"], words)),
            make_text(format_money(first["mrr"], first["currency"], words)),
            *(_build_cell(share(row), words) for row in ages),
        )
    return table_or_message(table, rows, "")


def _build_cell(share: float | None, words: Translator) -> Text:
    if share is None:
        return make_text("")
    style = next((style for edge, style in _HEAT if share >= edge), _HEAT[-1][1])
    return make_text(words.percent(share, 0), style)

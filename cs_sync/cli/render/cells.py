"""Cells and building blocks of the command line's tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cs_sync.cli.render.formatting import (
    NO_VALUE,
    STATUS_STYLE,
    format_quantity,
    format_segment,
    get_row_unit,
    make_text,
    strip_control_characters,
)
from cs_sync.cli.render.long_table import LongTable
from cs_sync.i18n import Translator
from cs_sync.metrics.benchmark import BENCHMARKS

Row = Mapping[str, Any]
Rows = Sequence[Row]


def make_table(words: Translator, *columns: str) -> Table:
    """Create a table without lines, with headings in the language.

    Args:
        words: The language.
        *columns: Keys of `column` in the catalogues, "" for no heading; one that ends in > is
            aligned right. The first column names the row and never wraps.
    """
    table = LongTable(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        right, key = column.endswith(">"), column.removesuffix(">")
        table.add_column(
            words(f"column.{key}") if key else "",
            justify="right" if right else "left",
            no_wrap=right or number == 0,
            overflow="fold",
        )
    return table


def table_or_message(table: Table, rows: Rows, otherwise: str) -> RenderableType:
    """Return the table, or a message if it is empty."""
    return table if rows else make_text(otherwise, "dim")


def account_cell(row: Row) -> Text:
    """Return the account's name, with its id dimmed if different."""
    account, name = str(row["account"]), row.get("name")
    if not name or name == account:
        return make_text(account)
    return Text.assemble(make_text(str(name)), " ", make_text(account, "dim"))


def metric_cell(row: Row) -> Text:
    """Return the metric's name, with its currency if the value lacks it."""
    return _with_currency(make_text(str(row["metric"])), row)


def metric_title_cell(row: Row, words: Translator) -> Text:
    """Return the metric's title, with currency if its value lacks it."""
    return _with_currency(make_text(words.find(f"metric.{row['metric']}", row["metric"])), row)


def _with_currency(name: Text, row: Row) -> Text:
    if row.get("currency") and row["unit"] != "money_minor":
        return Text.assemble(name, " ", make_text(str(row["currency"]), "dim"))
    return name


def policy_cell(row: Row) -> Text:
    """Return the MRR policy's name with its hash dimmed."""
    digest = make_text(str(row.get("policy") or ""), "dim")
    return (
        Text.assemble(make_text(f"{row['policy_name']} "), digest)
        if "policy_name" in row
        else digest
    )


def segment_cell(row: Row, words: Translator) -> Text:
    """Return the row's segment, dimmed."""
    return make_text(format_segment(row.get("segment"), words), "dim")


def benchmark_cell(row: Row, words: Translator) -> Text:
    """Return the metric's target for this period, green if it is reached."""
    benchmark, value = BENCHMARKS.get(row["metric"]), row["value"]
    if benchmark is None:
        return make_text("")
    first, after = (date.fromisoformat(str(row[key])) for key in ("period_start", "period_end"))
    days = (after - first).days
    sign = "<" if benchmark.better == "below" else ">"
    met = value is not None and benchmark.is_met(value, days)
    text = f"{sign} {format_quantity(benchmark.scale_to(days), get_row_unit(row), words)}"
    return make_text(text, "green" if met else "dim" if value is None else "yellow")


def join_lines(items: Iterable[str]) -> Text:
    """Return the items as lines."""
    return Text("\n".join(strip_control_characters(item, lines=False) for item in items))


def status_cell(status: str, words: Translator) -> Text:
    """Return the status of a run or stream in its colour."""
    return make_text(words.find(f"status.{status}", status), STATUS_STYLE.get(status, ""))


def freshness_cell(row: Row, words: Translator) -> Text:
    """Return the metric's status, or since when its data is stale."""
    since = row.get("stale_since")
    if since:
        at = since if isinstance(since, datetime) else datetime.fromisoformat(str(since))
        return make_text(words("terminal.stale_since", day=words.format_moment(at)), "yellow")
    status = str(row.get("status") or "")
    style = "dim" if status == "final" else "yellow"
    return make_text(words.find(f"status.{status}", status), style)


def format_value(value: Any, words: Translator) -> str:
    """Format a value of a record.

    Numbers have one decimal; what is not a number or date is text.
    """
    if isinstance(value, bool) or value is None:
        return NO_VALUE if value is None else words("terminal.yes" if value else "terminal.no")
    if isinstance(value, int | float):
        return words.number(value)
    if isinstance(value, datetime):
        return words.format_moment(value)
    return words.full_date(value) if isinstance(value, date) else str(value)


def list_actions(rows: Rows) -> list[str]:
    """Return the actions of a plan, in order of appearance."""
    return list(dict.fromkeys(row["action"] for row in rows))


def format_counts(counts: Mapping[str, int], section: str, words: Translator) -> str:
    """Format the counts above zero: 3 created, 12 unchanged.

    Args:
        counts: Name → count.
        section: The section of the catalogues with the names: `written` or `planned`.
        words: The language.
    """
    return ", ".join(words(f"{section}.{name}", count) for name, count in counts.items() if count)

"""The pieces that the tables of the command line are made of."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cs_sync.cli.values import NOTHING, STATUS_STYLE, cell, quantity, text, unit_of
from cs_sync.metrics.benchmark import BENCHMARKS

Row = Mapping[str, Any]
Rows = Sequence[Row]


def table_of(*columns: str) -> Table:
    """A table without lines; a column whose name ends in > is aligned to the right.

    The first column names the row and is never broken.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        right = column.endswith(">")
        table.add_column(
            column.removesuffix(">"),
            justify="right" if right else "left",
            no_wrap=right or number == 0,
            overflow="fold",
        )
    return table


def or_nothing(table: Table, rows: Rows, otherwise: str) -> RenderableType:
    """The table, or a sentence when it would be empty."""
    return table if rows else text(otherwise, "dim")


def who(row: Row) -> Text:
    """The account's name, with its id in small print where they differ."""
    account, name = str(row["account"]), row.get("name")
    if not name or name == account:
        return text(account)
    return Text.assemble(text(str(name)), " ", text(account, "dim"))


def metric_of(row: Row) -> Text:
    """A metric's name, with its currency where the value itself does not show it."""
    name = text(str(row["metric"]))
    if row.get("currency") and row["unit"] != "money_minor":
        return Text.assemble(name, " ", text(str(row["currency"]), "dim"))
    return name


def policy_of(row: Row) -> Text:
    """The MRR policy's name with its hash in small print."""
    digest = text(str(row.get("policy") or ""), "dim")
    return Text.assemble(text(f"{row['policy_name']} "), digest) if "policy_name" in row else digest


def segment_of(row: Row) -> Text:
    """What part of the whole a metric's row is about, in small print."""
    named = row.get("segment") or {}
    return text(", ".join(str(value or NOTHING) for value in named.values()), "dim")


def benchmark(row: Row) -> Text:
    """What is called good of this metric over this period, green where it is reached."""
    known, value = BENCHMARKS.get(row["metric"]), row["value"]
    if known is None:
        return text("")
    first, after = (date.fromisoformat(str(row[key])) for key in ("period_start", "period_end"))
    days = (after - first).days
    sign = "<" if known.better == "below" else ">"
    met = value is not None and known.met(value, days)
    said = f"{sign} {quantity(known.over(days), unit_of(row))}"
    return text(said, "green" if met else "dim" if value is None else "yellow")


def lines_of(items: Iterable[str]) -> Text:
    """One line per item."""
    return Text("\n").join(text(item) for item in items)


def status_of(status: str) -> Text:
    """The status of a run or stream in its colour."""
    return text(status, STATUS_STYLE.get(status, ""))


def freshness(row: Row) -> Text:
    """A metric's status, or since when the data behind it is old."""
    if row.get("stale_since"):
        return Text.assemble(text("stale since ", "yellow"), cell(row["stale_since"]))
    return text(str(row.get("status") or ""), "dim" if row.get("status") == "final" else "yellow")


def number(value: Any) -> str:
    """A number with one decimal; anything else as it is."""
    if isinstance(value, float):
        return f"{value:,.1f}"
    return NOTHING if value is None else str(value)


def actions(rows: Rows) -> list[str]:
    """The actions of a plan, in order of appearance."""
    return list(dict.fromkeys(row["action"] for row in rows))


def counted(counts: Mapping[str, int]) -> str:
    """What is not zero: 3 create, 12 unchanged."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)

"""Output of `explain`: an account's score, its reasons, history and next steps."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cs_sync.cli.render.cells import Row, account_cell, format_cell_number, join_lines, make_table
from cs_sync.cli.render.formatting import (
    NO_VALUE,
    format_amounts,
    format_band,
    format_difference,
    format_quantity,
    format_score,
    make_text,
)


def print_explanation(console: Console, detail: Row) -> None:
    """Print score, band, sample, inputs, reasons, follow-ups and links of one account."""
    heading = Text.assemble(
        account_cell(detail),
        "  ",
        make_text(format_score(detail["score"]), "bold"),
        " ",
        format_band(detail["band"]),
    )
    console.print(heading)
    covered = format_quantity(detail["coverage"], "ratio")
    small = [f"as of {detail['as_of']}", f"{covered} of the weight is known"]
    if "mrr" in detail:
        small.append(f"MRR {format_amounts(detail['mrr'])}")
    console.print(make_text(", ".join(small), "dim"))
    for line in (*_format_trend(detail.get("trend")), *_format_change(detail.get("change"))):
        console.print(line)
    console.print(_inputs_table(detail))
    console.print(join_lines(detail["reasons"]))
    for name, rows in (("To do", _list_follow_ups(detail)), ("Look at", _list_links(detail))):
        if rows:
            console.print(make_text(name, "bold"))
            console.print(Text("\n").join(rows))


def _inputs_table(detail: Row) -> Table:
    table = make_table("input", "value>", "points>", "weight>", "contribution>")
    for part in detail["contributions"]:
        names = ("value", "points", "weight", "contribution")
        table.add_row(
            make_text(str(part["input"])),
            *(make_text(format_cell_number(part[name])) for name in names),
        )
    return table


def _format_trend(trend: Any) -> Iterator[Text]:
    """Yield the last bands: `green since 2026-01-03, then yellow since 2026-02-11`."""
    steps = [(row["band"], row["since"]) for row in (trend or ())[-4:]]
    if steps:
        parts = [Text.assemble(format_band(name), f" since {day}") for name, day in steps]
        yield Text(", then ").join(parts)


def _format_change(change: Any) -> Iterator[Text]:
    """Yield the change by part: `-20.0 since 2026-02-01: usage -15.0, support -5.0`."""
    if change:
        reasons = [f"{part['what']} {_format_points(part['points'])}" for part in change["parts"]]
        why = ", ".join(reasons) or "nothing moved"
        yield make_text(f"{_format_points(change['total'])} since {change['since']}: {why}")


def _format_points(value: float) -> str:
    return format_difference(value, "score")


def _list_follow_ups(detail: Row) -> list[Text]:
    """Return one line per open follow-up, with due date and assignee."""
    return [
        Text.assemble(
            "- ",
            make_text(row["title"]),
            make_text(" due ", "dim"),
            make_text(f"{row['due_at']:%Y-%m-%d %H:%M}"),
            make_text(f", {row['assignee'] or 'nobody'}", "dim"),
            make_text(" (waits for its turn)" if row["state"] == "waiting" else "", "dim"),
        )
        for row in detail.get("follow_ups") or ()
    ]


def _list_links(detail: Row) -> list[Text]:
    """Return one line per link to a source."""
    return [
        Text.assemble(
            "- ",
            make_text(f"{row['source']} {row['source_id']}: "),
            make_text(row["url"] or NO_VALUE),
        )
        for row in detail.get("links") or ()
    ]

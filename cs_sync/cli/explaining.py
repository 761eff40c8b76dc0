"""One account's score as a colleague would tell it: what, why, since when, and what to do."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cs_sync.cli.pieces import Row, lines_of, number, table_of, who
from cs_sync.cli.values import NOTHING, amounts, band, difference, quantity, score_of, text


def explanation(console: Console, detail: Row) -> None:
    """Score and band, the small print, the inputs, the reasons, and what else is known."""
    heading = Text.assemble(
        who(detail), "  ", text(score_of(detail["score"]), "bold"), " ", band(detail["band"])
    )
    console.print(heading)
    covered = quantity(detail["coverage"], "ratio")
    small = [f"as of {detail['as_of']}", f"{covered} of the weight is known"]
    if "mrr" in detail:
        small.append(f"MRR {amounts(detail['mrr'])}")
    console.print(text(", ".join(small), "dim"))
    for line in (*_trend(detail.get("trend")), *_change(detail.get("change"))):
        console.print(line)
    console.print(_inputs(detail))
    console.print(lines_of(detail["reasons"]))
    for name, rows in (("To do", _to_do(detail)), ("Look at", _links(detail))):
        if rows:
            console.print(text(name, "bold"))
            console.print(Text("\n").join(rows))


def _inputs(detail: Row) -> Table:
    table = table_of("input", "value>", "points>", "weight>", "contribution>")
    for part in detail["contributions"]:
        names = ("value", "points", "weight", "contribution")
        table.add_row(text(str(part["input"])), *(text(number(part[name])) for name in names))
    return table


def _trend(trend: Any) -> Iterator[Text]:
    """`green since 2026-01-03, then yellow since 2026-02-11`."""
    steps = [(row["band"], row["since"]) for row in (trend or ())[-4:]]
    if steps:
        told = [Text.assemble(band(name), f" since {day}") for name, day in steps]
        yield Text(", then ").join(told)


def _change(change: Any) -> Iterator[Text]:
    """`-20.0 since 2026-02-01: usage -15.0, support -5.0`."""
    if change:
        told = [f"{part['what']} {_points(part['points'])}" for part in change["parts"]]
        why = ", ".join(told) or "nothing moved"
        yield text(f"{_points(change['total'])} since {change['since']}: {why}")


def _points(value: float) -> str:
    return difference(value, "score")


def _to_do(detail: Row) -> list[Text]:
    """Every open follow-up with its due date and who has it."""
    return [
        Text.assemble(
            "- ",
            text(row["title"]),
            text(" due ", "dim"),
            text(f"{row['due_at']:%Y-%m-%d %H:%M}"),
            text(f", {row['assignee'] or 'nobody'}", "dim"),
            text(" (waits for its turn)" if row["state"] == "waiting" else "", "dim"),
        )
        for row in detail.get("follow_ups") or ()
    ]


def _links(detail: Row) -> list[Text]:
    """Where to open it, per source."""
    return [
        Text.assemble(
            "- ", text(f"{row['source']} {row['source_id']}: "), text(row["url"] or NOTHING)
        )
        for row in detail.get("links") or ()
    ]

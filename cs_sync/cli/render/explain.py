"""Output of `explain`: an account's score, its reasons, history and next steps."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cs_sync.cli.render.cells import Row, account_cell, format_value, join_lines, make_table
from cs_sync.cli.render.formatting import (
    format_amounts,
    format_band,
    format_difference,
    format_money,
    format_quantity,
    format_score,
    make_text,
)
from cs_sync.foresight.outlook import describe_chance
from cs_sync.i18n import Translator


def print_explanation(console: Console, detail: Row, words: Translator) -> None:
    """Print score, band, coverage, inputs, reasons, follow-ups and links of one account."""
    heading = Text.assemble(
        account_cell(detail),
        "  ",
        make_text(format_score(detail["score"], words), "bold"),
        " ",
        format_band(detail["band"], words),
    )
    console.print(heading)
    covered = format_quantity(detail["coverage"], "ratio", words)
    small = [
        words("terminal.as_of", day=_format_day(detail["as_of"], words)),
        words("terminal.coverage", share=covered),
    ]
    if "mrr" in detail:
        small.append(words("terminal.mrr", mrr=format_amounts(detail["mrr"], words)))
    console.print(make_text(", ".join(small), "dim"))
    for line in (
        *_format_outlook(detail, words),
        *_format_trend(detail.get("trend"), words),
        *_format_change(detail.get("change"), words),
    ):
        console.print(line)
    console.print(_inputs_table(detail, words))
    console.print(join_lines(detail["reasons"]))
    for key, rows in (
        ("terminal.next_steps", _list_follow_ups(detail, words)),
        ("terminal.links", _list_links(detail)),
    ):
        if rows:
            console.print(make_text(words(key), "bold"))
            console.print(Text("\n").join(rows))


def _format_outlook(detail: Row, words: Translator) -> Iterator[Text]:
    """Yield the chance of leaving, and the priority with its basis."""
    chance = describe_chance(detail, words)
    if chance:
        yield make_text(chance)
    if detail.get("priority_minor") is not None:
        amount = format_money(detail["priority_minor"], detail["currency"], words)
        basis = words(f"priority_basis.{detail['priority_basis']}")
        yield make_text(words("outlook.priority", amount=amount, basis=basis), "dim")


def _inputs_table(detail: Row, words: Translator) -> Table:
    table = make_table(words, "input", "value>", "points>", "weight>", "contribution>")
    for part in detail["contributions"]:
        names = ("value", "points", "weight", "contribution")
        table.add_row(
            make_text(_name_input(part["input"], words)),
            *(make_text(format_value(part[name], words)) for name in names),
        )
    return table


def _name_input(name: str, words: Translator) -> str:
    """Return the title of one of our inputs.

    One of the configuration keeps its name.
    """
    return words.find(f"report.input.{name}", name)


def _format_day(day: date | str, words: Translator) -> str:
    return words.full_date(date.fromisoformat(str(day)))


def _format_trend(trend: Any, words: Translator) -> Iterator[Text]:
    """Yield the last bands, such as `green since 3 Jan`.

    They are joined by arrows.
    """
    steps = [
        words(
            "terminal.band_since",
            band=words.band(row["band"]),
            day=_format_day(row["since"], words),
        )
        for row in (trend or ())[-4:]
    ]
    if steps:
        yield make_text(" → ".join(steps))


def _format_change(change: Any, words: Translator) -> Iterator[Text]:
    """Yield the change by part: `-20.0 since 1 Feb 2026: Usage -15.0`."""
    if change:
        parts = [
            f"{_name_input(part['what'], words)} {_format_points(part['points'], words)}"
            for part in change["parts"]
        ]
        yield make_text(
            words(
                "terminal.change",
                points=_format_points(change["total"], words),
                day=_format_day(change["since"], words),
                parts=", ".join(parts) or words("terminal.no_change"),
            )
        )


def _format_points(value: float, words: Translator) -> str:
    return format_difference(value, "score", words)


def _list_follow_ups(detail: Row, words: Translator) -> list[Text]:
    """Return one line per open follow-up, with due date and assignee."""
    lines = []
    for row in detail.get("follow_ups") or ():
        small = [
            words("terminal.due", day=words.format_moment(row["due_at"])),
            row["assignee"] or words("terminal.unassigned"),
            *([words("terminal.deferred")] if row["state"] == "waiting" else []),
        ]
        lines.append(
            Text.assemble("- ", make_text(row["title"]), "  ", make_text(", ".join(small), "dim"))
        )
    return lines


def _list_links(detail: Row) -> list[Text]:
    """Return one line per record of a source, with its link."""
    return [
        Text.assemble("- ", make_text(": ".join(filter(None, (name, row["url"])))))
        for row in detail.get("links") or ()
        for name in [f"{row['source']} {row['source_id']}"]
    ]

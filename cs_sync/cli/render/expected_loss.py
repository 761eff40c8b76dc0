"""Table of the expected loss of MRR, with a sentence on how far it can be believed."""

from collections.abc import Iterator

from rich.console import Group, RenderableType

from cs_sync.cli.render.cells import Row, Rows, make_table
from cs_sync.cli.render.formatting import NO_VALUE, format_count, format_money, make_text
from cs_sync.i18n import Translator

LOSS_FIELDS = (
    *("currency", "start", "end", "accounts", "mrr", "expected", "low", "high"),
    *("coverage", "covered", "judged", "given_notice", "verdict", "needed_churned"),
)


def loss_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table, one row per currency.

    A line says how often the interval held.
    """
    if not rows:
        return make_text(words("terminal.no_mrr"), "dim")
    columns = ("period", "accounts>", "mrr>", "expected_loss>", "given_notice>")
    table = make_table(words, *columns)
    for row in rows:
        table.add_row(
            make_text(f"{words.full_date(row['start'])} – {words.full_date(row['end'])}"),
            make_text(format_count(row["accounts"], words)),
            make_text(format_money(row["mrr"], row["currency"], words)),
            make_text(_format_loss(row, words)),
            make_text(format_money(row["given_notice"], row["currency"], words)),
        )
    return Group(table, make_text(""), *(make_text(line) for line in _list_notes(rows, words)))


def _format_loss(row: Row, words: Translator) -> str:
    if row["expected"] is None:
        return NO_VALUE
    expected = format_money(row["expected"], row["currency"], words)
    if row["low"] is None:
        return expected
    low, high = (format_money(row[end], row["currency"], words) for end in ("low", "high"))
    return f"{expected} ({low} – {high})"


def _list_notes(rows: Rows, words: Translator) -> Iterator[str]:
    if rows[0]["expected"] is None:
        yield words("terminal.loss_no_signal", verdict=words(f"verdict.{_get_code(rows[0])}"))
        return
    for row in rows:
        name = row["currency"]
        if row["low"] is None:
            yield words("terminal.loss_no_interval", currency=name)
        else:
            counts = {key: format_count(row[key], words) for key in ("covered", "judged")}
            covered, judged = counts["covered"], counts["judged"]
            yield words("terminal.loss_coverage", currency=name, covered=covered, judged=judged)


def _get_code(row: Row) -> str:
    return str(row["verdict"]).replace(" ", "_")

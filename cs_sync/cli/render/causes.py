"""Tables of the causes of churn: cross-tabs, drivers in words, and survival."""

from rich.console import Group, RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import Row, Rows, make_table
from cs_sync.cli.render.formatting import (
    NO_VALUE,
    format_count,
    format_quantity,
    make_text,
    name_segment,
)
from cs_sync.foresight.causes import OTHERS
from cs_sync.i18n import Translator

CAUSE_FIELDS = (
    *("method", "factor", "level", "n", "churned", "rate", "low", "high"),
    *("effect", "effect_low", "effect_high", "p_adjusted"),
)
CLEAR = 0.05
"""Below this adjusted p-value a difference is more than chance, and its row is bold."""


def causes_table(rows: Rows, words: Translator) -> RenderableType:
    """Build a table per step.

    Months of tenure that differ from none are left to the JSON.
    """
    if not rows:
        return make_text(words("terminal.no_cause"), "dim")
    steps: dict[str, list[Row]] = {}
    for row in rows:
        steps.setdefault(row["method"], []).append(row)
    parts: list[RenderableType] = []
    for method, own in steps.items():
        shown = [row for row in own if row["factor"] != "tenure_month" or _is_clear(row)]
        parts.append(make_text(words(f"cause_step.{method}"), "bold"))
        if shown:
            build = _build_drivers if method == "logistic" else _build_table
            parts.append(build(shown, words))
        if len(shown) < len(own):
            parts.append(make_text(words("terminal.same_months", len(own) - len(shown)), "dim"))
        parts.append(make_text(""))
    return Group(*parts[:-1])


def _is_clear(row: Row) -> bool:
    return row["p_adjusted"] is not None and row["p_adjusted"] < CLEAR


def _build_table(rows: Rows, words: Translator) -> RenderableType:
    columns = ("factor", "level", "customers>", "left>", "left_rate>", "times_as_often>", "p>")
    table = make_table(words, *columns)
    last = None
    for row in rows:
        factor = words.find(f"factor.{row['factor']}", row["factor"])
        cells = (
            "" if row["factor"] == last else factor,
            _name_level(row, words),
            format_count(row["n"], words),
            format_count(row["churned"], words),
            _format_rate(row, words),
            _format_times(row, words),
            _format_p(row, words),
        )
        style = "bold" if _is_clear(row) else ""
        table.add_row(*(make_text(cell, style) for cell in cells))
        last = row["factor"]
    return table


def _build_drivers(rows: Rows, words: Translator) -> RenderableType:
    """Build a sentence per driver: `Accounts whose use halved left …`."""
    lines = []
    for row in sorted(rows, key=lambda row: -row["effect"]):
        sentence = words(
            "terminal.left_times",
            who=words(f"driver.{row['factor']}"),
            times=format_quantity(row["effect"], "times", words),
            low=words.decimal(row["effect_low"], 1),
            high=words.decimal(row["effect_high"], 1),
            counts=words(
                "terminal.share_of",
                part=format_count(row["churned"], words),
                whole=format_count(row["n"], words),
            ),
        )
        lines.append(make_text(sentence, "" if _is_clear(row) else "dim"))
    return Text("\n").join(lines)


def _name_level(row: Row, words: Translator) -> str:
    if row["level"] is None:
        return NO_VALUE
    if row["level"] == OTHERS:
        return words("terminal.other")
    return name_segment(row["factor"], row["level"], words)


def _format_rate(row: Row, words: Translator) -> str:
    if row["low"] is None or row["high"] is None:
        return format_quantity(row["rate"], "ratio", words)
    rate, low, high = (
        format_quantity(row[name], "ratio", words) for name in ("rate", "low", "high")
    )
    return f"{rate} ({low} – {high})"


def _format_times(row: Row, words: Translator) -> str:
    """Format an effect with its interval: `2.1× (1.4 – 3.2)`."""
    if row["effect"] is None:
        return NO_VALUE
    low, high = (words.decimal(row[name], 1) for name in ("effect_low", "effect_high"))
    return f"{format_quantity(row['effect'], 'times', words)} ({low} – {high})"


def _format_p(row: Row, words: Translator) -> str:
    value = row["p_adjusted"]
    if value is None:
        return NO_VALUE
    return f"< {words.decimal(0.001, 3)}" if value < 0.001 else words.decimal(value, 3)

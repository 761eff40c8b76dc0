"""Table of playbooks' outcomes."""

from rich.console import RenderableType

from cs_sync.cli.render.cells import Row, Rows, make_table, table_or_message
from cs_sync.cli.render.formatting import NO_VALUE, format_difference, format_quantity, make_text

COUNTS = (
    "created", "open", "done", "too_late", "ignored", "deleted", "resolved", "waiting",
)  # fmt: skip
PLAYBOOK_FIELDS = (
    *("playbook", "enabled", *COUNTS, "judged", "recovered", "recovery_rate", "held_out"),
    *("held_out_judged", "held_out_recovered", "held_out_recovery_rate"),
    *("effect", "effect_low", "effect_high"),
)


def playbooks_table(rows: Rows) -> RenderableType:
    """Build the table, one row per playbook; held-out accounts and effect if there are any."""
    compared = any(row["held_out"] for row in rows)
    table = make_table("playbook", *(f"{name.replace('_', ' ')}>" for name in COUNTS), "recovered>")
    if compared:
        for column in ("held out>", "recovered>", "effect>"):
            table.add_column(column.removesuffix(">"), justify="right")
    for row in rows:
        style = "" if row["enabled"] else "dim"
        cells = [
            make_text(row["playbook"] + ("" if row["enabled"] else " (off)"), style),
            *(make_text(f"{row[name]:,}", style if row[name] else "dim") for name in COUNTS),
            make_text(_format_share(row["recovered"], row["judged"])),
        ]
        if compared:
            alone = _format_share(row["held_out_recovered"], row["held_out_judged"])
            cells += [
                make_text(f"{row['held_out']:,}"),
                make_text(alone),
                make_text(_format_effect(row)),
            ]
        table.add_row(*cells)
    return table_or_message(table, rows, "no playbook")


def _format_share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" if whole else NO_VALUE


def _format_effect(row: Row) -> str:
    """Format an effect with its interval: `+12.0 pp (-3.1 % … 26.4 %)`."""
    if row["effect"] is None:
        return NO_VALUE
    low, high = (format_quantity(row[name], "ratio") for name in ("effect_low", "effect_high"))
    return f"{format_difference(row['effect'], 'ratio')} ({low} … {high})"

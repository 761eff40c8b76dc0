"""The table of what playbooks led to."""

from rich.console import RenderableType

from cs_sync.cli.pieces import Row, Rows, or_nothing, table_of
from cs_sync.cli.values import NOTHING, difference, quantity, text

COUNTS = (
    "created", "open", "done", "too_late", "ignored", "deleted", "resolved", "waiting",
)  # fmt: skip
PLAYBOOK_FIELDS = (
    *("playbook", "enabled", *COUNTS, "judged", "recovered", "recovery_rate", "held_out"),
    *("held_out_judged", "held_out_recovered", "held_out_recovery_rate"),
    *("effect", "effect_low", "effect_high"),
)


def playbooks_table(rows: Rows) -> RenderableType:
    """One line per playbook; the held-out accounts and the effect where there are any."""
    compared = any(row["held_out"] for row in rows)
    table = table_of("playbook", *(f"{name.replace('_', ' ')}>" for name in COUNTS), "recovered>")
    if compared:
        for column in ("held out>", "recovered>", "effect>"):
            table.add_column(column.removesuffix(">"), justify="right")
    for row in rows:
        style = "" if row["enabled"] else "dim"
        cells = [
            text(row["playbook"] + ("" if row["enabled"] else " (off)"), style),
            *(text(f"{row[name]:,}", style if row[name] else "dim") for name in COUNTS),
            text(_share(row["recovered"], row["judged"])),
        ]
        if compared:
            alone = _share(row["held_out_recovered"], row["held_out_judged"])
            cells += [text(f"{row['held_out']:,}"), text(alone), text(_effect(row))]
        table.add_row(*cells)
    return or_nothing(table, rows, "no playbook")


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" if whole else NOTHING


def _effect(row: Row) -> str:
    """`+12.0 pp (-3.1 % … 26.4 %)`."""
    if row["effect"] is None:
        return NOTHING
    low, high = (quantity(row[name], "ratio") for name in ("effect_low", "effect_high"))
    return f"{difference(row['effect'], 'ratio')} ({low} … {high})"

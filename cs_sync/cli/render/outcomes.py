"""Table of playbooks' outcomes."""

from rich.console import RenderableType

from cs_sync.cli.render.cells import Row, Rows, make_table, table_or_message
from cs_sync.cli.render.formatting import (
    NO_VALUE,
    format_count,
    format_difference,
    format_quantity,
    make_text,
)
from cs_sync.i18n import Translator

COUNTS = (
    "created", "open", "done", "too_late", "ignored", "deleted", "resolved", "waiting",
)  # fmt: skip
PLAYBOOK_FIELDS = (
    *("playbook", "enabled", *COUNTS, "judged", "recovered", "recovery_rate", "held_out"),
    *("held_out_judged", "held_out_recovered", "held_out_recovery_rate"),
    *("effect", "effect_low", "effect_high"),
    *("holdout_eligible", "holdout_needed", "holdout_answer_on", "churn_rate"),
    *("held_out_churn_rate", "churn_effect", "churn_effect_low", "churn_effect_high"),
    "holdout_verdict",
)


def playbooks_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table, one row per playbook."""
    compared = any(row["held_out"] for row in rows)
    planned = any(row["holdout_verdict"] for row in rows)
    control = ("held_out>", "recovered>", "effect>") if compared else ()
    control = (*control, "churn_effect") if planned else control
    columns = ("playbook", *(f"{name}>" for name in COUNTS), "recovered>", *control)
    table = make_table(words, *columns)
    for row in rows:
        style = "" if row["enabled"] else "dim"
        cells = [
            make_text(_name_playbook(row, words), style),
            *(
                make_text(format_count(row[name], words), style if row[name] else "dim")
                for name in COUNTS
            ),
            make_text(_format_share(row["recovered"], row["judged"], words)),
        ]
        if compared:
            alone = _format_share(row["held_out_recovered"], row["held_out_judged"], words)
            cells += [
                make_text(format_count(row["held_out"], words)),
                make_text(alone),
                make_text(_format_difference("effect", row, words)),
            ]
        if planned:
            cells.append(make_text(_format_answer(row, words)))
        table.add_row(*cells)
    return table_or_message(table, rows, words("terminal.no_playbook"))


def _name_playbook(row: Row, words: Translator) -> str:
    name: str = row["playbook"]
    return name if row["enabled"] else words("terminal.off", playbook=name)


def _format_share(part: int, whole: int, words: Translator) -> str:
    if not whole:
        return NO_VALUE
    return words(
        "terminal.share_of", part=format_count(part, words), whole=format_count(whole, words)
    )


def _format_difference(name: str, row: Row, words: Translator) -> str:
    """Format a difference with its interval: `+12.0 pp (-3.1% – 26.4%)`."""
    if row[name] is None:
        return NO_VALUE
    low, high = (
        format_quantity(row[end], "ratio", words) for end in (f"{name}_low", f"{name}_high")
    )
    return f"{format_difference(row[name], 'ratio', words)} ({low} – {high})"


def _format_answer(row: Row, words: Translator) -> str:
    """Format what a holdout says of churn, or when it will."""
    verdict = row["holdout_verdict"]
    if verdict is None:
        return NO_VALUE
    if verdict != "not_yet":
        effect = _format_difference("churn_effect", row, words)
        return words("terminal.holdout_found", effect=effect, verdict=words(f"holdout.{verdict}"))
    if row["holdout_needed"] is None:
        return words("terminal.holdout_nobody_left")
    eligible, needed = (
        format_count(row[f"holdout_{name}"], words) for name in ("eligible", "needed")
    )
    if row["holdout_answer_on"] is None:
        return words("terminal.holdout_no_date", eligible=eligible, needed=needed)
    day = words.full_date(row["holdout_answer_on"])
    return words("terminal.holdout_not_yet", eligible=eligible, needed=needed, day=day)

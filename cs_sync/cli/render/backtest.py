"""Tables of the backtest: verdicts, bands, who was red, and fitted models."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import Row, Rows, account_cell, make_table, table_or_message
from cs_sync.cli.render.formatting import (
    NO_VALUE,
    format_band,
    format_cell,
    format_count,
    format_money,
    format_quantity,
    format_score,
    make_text,
)
from cs_sync.foresight.gate import classify_verdict
from cs_sync.i18n import Translator

BACKTEST_FIELDS = (
    *("subject", "target", "horizon_days", "cutoffs", "accounts", "churned"),
    *("auc", "auc_low", "auc_high", "auc_within", "auc_within_low", "auc_within_high"),
    *("brier", "brier_skill", "skill_low", "skill_high"),
    *("log_loss", "lift_top_decile", "precision_red", "recall_red", "slope"),
    *("verdict", "needed_churned"),
)
BAND_FIELDS = (
    *("cutoff", "band", "accounts", "churned", "rate", "low", "high"),
    *("mrr", "mrr_churned", "currency", "mrr_low", "mrr_high"),
)
RED_FIELDS = ("cutoff", "account", "name", "score", "mrr", "currency", "outcome", "left_at")
LEAK_FIELDS = ("input", "n", "auc_known", "auc_recorded", "difference", "verdict", "reason")
FIT_FIELDS = (
    *("target", "verdict", "accepted", "version", "churned", "needed_churned"),
    *("data_cut", "inputs", "left_out", "subject"),
)
_VERDICT_STYLE = {"signal": "green", "no signal": "yellow", "too little data": "dim"}


def backtest_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of subjects per target, with a sentence."""
    names = ("target", "subject", "churned>", "auc>", "auc_within>", "brier_skill>", "lift>")
    table = make_table(words, *names, "slope>", "verdict")
    last = None
    for row in rows:
        table.add_row(
            make_text("" if row["target"] == last else _name("target", row["target"], words)),
            make_text(_name("subject", row["subject"], words)),
            make_text(format_count(row["churned"], words)),
            make_text(_format_between(row, "auc", words)),
            make_text(_format_figure(row["auc_within"], "area", words)),
            make_text(_format_between(row, "brier_skill", words)),
            make_text(format_quantity(row["lift_top_decile"], "times", words)),
            make_text(NO_VALUE if row["slope"] is None else words.decimal(row["slope"], 2)),
            _verdict_cell(row["verdict"], words),
        )
        last = row["target"]
    sentences = [make_text(text) for text in list_sentences(rows, words)]
    return Group(table, make_text(""), *sentences)


def list_sentences(rows: Rows, words: Translator) -> Iterator[str]:
    """Yield what the verdicts on score and model mean for churn."""
    for row in rows:
        if row["target"] == "churn" and row["subject"] in ("score", "model"):
            subject = _name("subject", row["subject"], words)
            yield words(
                f"backtest.{classify_verdict(row)}",
                subject=subject,
                churned=format_count(row["churned"], words),
                skill=format_quantity(row["brier_skill"], "ratio", words),
                slope=NO_VALUE if row["slope"] is None else words.decimal(row["slope"], 2),
                needed=_format_needed(row, words),
            )


def bands_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of bands: accounts and departures."""
    table = make_table(words, "month", "band", "accounts>", "churned>", "rate>", "", "mrr>",
                       "mrr_churned>")  # fmt: skip
    for row in rows:
        month = row["cutoff"]
        table.add_row(
            make_text(words("backtest.all") if month is None else words.format_month(month)),
            format_band(row["band"], words),
            make_text(format_count(row["accounts"], words)),
            make_text(format_count(row["churned"], words)),
            make_text(format_quantity(row["rate"], "ratio", words)),
            make_text(_format_interval(row["low"], row["high"], "ratio", words), "dim"),
            *(
                make_text(format_money(row[name], row["currency"], words))
                for name in ("mrr", "mrr_churned")
            ),
        )
    return table_or_message(table, rows, words("terminal.no_score"))


def red_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of who was red, and what became of them."""
    table = make_table(words, "account", "score>", "mrr>", "outcome", "date")
    for row in rows:
        table.add_row(
            account_cell(row),
            make_text(format_score(row["score"], words)),
            make_text(format_money(row["mrr"], row["currency"], words)),
            make_text(_name("outcome", row["outcome"], words)),
            format_cell(row["left_at"] and row["left_at"].date(), words),
        )
    if not rows:
        return make_text(words("backtest.no_red"), "dim")
    title = words("backtest.red", day=words.full_date(rows[0]["cutoff"]))
    return Group(make_text(title, "bold"), table)


def leaks_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of inputs, as known then and as recorded today."""
    table = make_table(words, "input", "cases>", "auc_known>", "auc_recorded>", "difference>",
                       "verdict", "reason")  # fmt: skip
    for row in rows:
        refused = row["verdict"] == "refused"
        table.add_row(
            make_text(row["input"]),
            make_text(format_count(row["n"], words)),
            *(
                make_text(_format_figure(row[name], "area", words))
                for name in ("auc_known", "auc_recorded", "difference")
            ),
            make_text(_name("verdict", row["verdict"], words), "red" if refused else ""),
            make_text(row["reason"] or NO_VALUE),
        )
    return table_or_message(table, rows, words("terminal.nothing"))


def fit_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of fitted models, and what they do without."""
    table = make_table(words, "target", "subject", "verdict", "churned>", "needed>", "input")
    for row in rows:
        table.add_row(
            make_text(_name("target", row["target"], words)),
            make_text(_name("subject", row["subject"], words)),
            _verdict_cell(row["verdict"], words),
            make_text(format_count(row["churned"], words)),
            make_text(_format_needed(row, words)),
            make_text(", ".join(row["inputs"]) or NO_VALUE),
        )
    left_out = rows[0]["left_out"] if rows else {}
    lines = [
        make_text(words("backtest.left_out", input=name, why=why), "dim")
        for name, why in left_out.items()
    ]
    return Group(table, *lines)


def _name(kind: str, code: str, words: Translator) -> str:
    return words(f"{kind}.{code}")


def _verdict_cell(verdict: str, words: Translator) -> Text:
    return make_text(_name("verdict", verdict.replace(" ", "_"), words), _VERDICT_STYLE[verdict])


def _format_needed(row: Row, words: Translator) -> str:
    needed = row["needed_churned"]
    return NO_VALUE if needed is None else format_count(needed, words)


def _format_between(row: Row, field: str, words: Translator) -> str:
    """Format a figure with its interval: `0.71 (0.66 – 0.76)`."""
    value, short = row[field], field.removeprefix("brier_")
    if value is None:
        return NO_VALUE
    unit = "ratio" if short == "skill" else "area"
    between = _format_interval(row[f"{short}_low"], row[f"{short}_high"], unit, words)
    return f"{_format_figure(value, unit, words)} {between}".strip()


def _format_interval(low: float | None, high: float | None, unit: str, words: Translator) -> str:
    if low is None or high is None:
        return ""
    return f"({_format_figure(low, unit, words)} – {_format_figure(high, unit, words)})"


def _format_figure(value: float | None, unit: str, words: Translator) -> str:
    if value is None:
        return NO_VALUE
    return words.decimal(value, 2) if unit == "area" else format_quantity(value, unit, words)

"""One table per command, from the same rows as its JSON."""

from datetime import date

from rich.console import Group, RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import (
    Row,
    Rows,
    account_cell,
    benchmark_cell,
    format_counts,
    freshness_cell,
    join_lines,
    make_table,
    metric_cell,
    policy_cell,
    status_cell,
    table_or_message,
)
from cs_sync.cli.render.formatting import (
    NO_VALUE,
    format_band,
    format_cell,
    format_count,
    format_difference,
    format_money,
    format_period,
    format_quantity,
    format_sample,
    format_score,
    format_segment,
    get_row_unit,
    make_text,
)
from cs_sync.i18n import Translator

METRIC_FIELDS = (
    *("metric", "period_start", "period_end", "segment", "currency", "value", "unit"),
    *("numerator", "denominator", "n", "low", "high", "policy", "status", "stale_since"),
)
MOVEMENTS = (
    *("opening", "new", "reactivation", "expansion", "contraction", "churn"),
    *("fx", "reclass", "restatement", "closing"),
)
MRR_FIELDS = ("account", "currency", "period_start", "period_end", *MOVEMENTS)
RECONCILE_FIELDS = (
    *("account", "month", "currency", "mrr", "invoiced", "difference", "cause"),
    *("unexplained", "tied"),
)
SCORE_FIELDS = (
    *("account", "name", "as_of", "score", "band", "coverage", "mode", "contributions"),
    *("reasons", "change_30d", "left_out", "is_customer"),
)
OUTLOOK_FIELDS = (
    *("churn_probability", "churn_from", "churn_until", "churn_alike_rate", "churn_alike_n"),
    *("expand_probability", "priority_minor", "priority_basis", "currency"),
)
PEOPLES_RULES = ("answer", "override")
"""Rules whose reason is somebody's own text; that of the others says the rule in English."""
RUN_FIELDS = ("run", "started_at", "ended_at", "status", "streams", "writes")


def check_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of connections and streams, with remedies."""
    table = make_table(words, "source", "stream", "", "")
    for row in rows:
        mark = status_cell("ok" if row["ok"] else "failed", words)
        message = join_lines((row["message"] or "").splitlines())
        if not row["ok"] and row["remedy"]:
            message = Text.assemble(message, "\n", make_text(f"→ {row['remedy']}", "bold"))
        where = (format_cell(row[name], words) for name in ("source", "stream"))
        table.add_row(*where, mark, message)
    return table_or_message(table, rows, words("terminal.no_connector"))


def setup_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of a set-up.

    What is left to do by hand stands at its end.
    """
    table = make_table(words, "step", "", "")
    for row in rows:
        state = {True: "ok", False: "failed", None: "open"}[row["ok"]]
        message = join_lines(row["message"].splitlines())
        if row["remedy"]:
            message = Text.assemble(message, "\n", make_text(f"→ {row['remedy']}", "bold"))
        table.add_row(format_cell(row["step"], words), status_cell(state, words), message)
    return table_or_message(table, rows, words("terminal.nothing"))


def healthcheck_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of a health check.

    It shows what is well, and since when not.
    """
    table = make_table(words, "check", "", "", "last_ok")
    for row in rows:
        mark = status_cell("ok" if row["ok"] else "failed", words)
        cells = format_cell(row["check"], words), mark, make_text(row["message"])
        table.add_row(*cells, format_cell(row["since"], words))
    return table_or_message(table, rows, words("terminal.nothing"))


def metrics_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of metrics with period, segment, target and sample size."""
    segmented = any(row.get("segment") for row in rows)
    policies = len({row.get("policy") for row in rows}) > 1
    compared = any(benchmark_cell(row, words) for row in rows)
    table = make_table(words, "metric", "period", "value>", "sample_size", "status")
    if compared:
        table.add_column(words("column.target"))
    if segmented:
        table.add_column(words("column.segment"))
    if policies:
        table.add_column(words("column.policy"))
    for row in rows:
        cells = [
            metric_cell(row),
            make_text(format_period(row["period_start"], row["period_end"], words)),
            make_text(format_quantity(row["value"], get_row_unit(row), words, row.get("currency"))),
            format_sample(row, words),
            freshness_cell(row, words),
        ]
        cells += [benchmark_cell(row, words)] if compared else []
        cells += [make_text(_format_named_segment(row, words))] if segmented else []
        cells += [policy_cell(row)] if policies else []
        table.add_row(*cells)
    return table_or_message(table, rows, words("terminal.no_metric"))


def mrr_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the bridge from opening to closing MRR.

    Movements that never occur are left out.
    """
    moved = [m for m in MOVEMENTS if m in ("opening", "closing") or any(r.get(m) for r in rows)]
    keys = [k for k in ("account", "segment") if any(row.get(k) for row in rows)]
    table = make_table(words, *keys, "period", *(f"{movement}>" for movement in moved))
    for row in rows:
        table.add_row(
            *(
                make_text(_format_named_segment(row, words))
                if key == "segment"
                else format_cell(row.get(key), words)
                for key in keys
            ),
            make_text(format_period(row["period_start"], row["period_end"], words)),
            *(_movement_cell(row, movement, words) for movement in moved),
        )
    return table_or_message(table, rows, words("terminal.no_mrr"))


def reconcile_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of MRR against invoices: differences, totals, reconciled share."""
    table = make_table(
        words, "account", "month", "mrr>", "invoiced>", "difference>", "cause", "unexplained>"
    )
    for row in rows:
        whole = row["account"] is None
        amounts = [row[name] for name in ("mrr", "invoiced", "difference", "unexplained")]
        mrr, invoiced, off, unexplained = (
            make_text(format_money(a, row["currency"], words)) for a in amounts
        )
        table.add_row(
            make_text(words("terminal.all_accounts"), "bold")
            if whole
            else make_text(row["account"]),
            *(make_text(_format_month(row["month"], words)), mrr, invoiced, off),
            make_text(_name_cause(row["cause"], words), "red" if row["cause"] == "unknown" else ""),
            unexplained,
        )
    if not rows:
        return make_text(words("terminal.no_reconciliation"), "dim")
    return Group(
        table,
        *(_reconciled_share(row, words) for row in rows if row["account"] is None and row["mrr"]),
    )


def _reconciled_share(row: Row, words: Translator) -> Text:
    share = format_quantity(row["tied"] / row["mrr"], "ratio", words)
    tied, mrr, rest = (
        format_money(row[name], row["currency"], words) for name in ("tied", "mrr", "unexplained")
    )
    return make_text(words("terminal.tied", share=share, tied=tied, mrr=mrr, rest=rest), "bold")


def _name_cause(cause: str | None, words: Translator) -> str:
    return words.find(f"cause.{cause}", cause) if cause else ""


def _format_month(month: str, words: Translator) -> str:
    return words.format_month(date.fromisoformat(f"{month}-01"))


def _format_named_segment(row: Row, words: Translator) -> str:
    """Return the segment's values, each behind its dimension, as `plan: Team`."""
    return ", ".join(
        f"{words.find(f'column.{name}', name)}: {format_segment({name: value}, words)}"
        for name, value in (row.get("segment") or {}).items()
    )


def scores_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of accounts: score, band, change and first two reasons."""
    table = make_table(words, "account", "score>", "band", "change_30d>", "coverage>", "reasons")
    for row in rows:
        change = row.get("change_30d")
        table.add_row(
            account_cell(row),
            make_text(format_score(row["score"], words)),
            format_band(row["band"], words),
            make_text(NO_VALUE if change is None else format_difference(change, "score", words)),
            make_text(format_quantity(row["coverage"], "ratio", words), "dim"),
            join_lines(row["reasons"][:2]),
        )
    return table_or_message(table, rows, words("terminal.no_score"))


def accounts_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of accounts and their records.

    A person's reason is quoted.
    """
    columns = ["account", "source", "source_id", "rule", "reason", "since"]
    optional = [name for name in ("merged_into", "deleted_at") if any(r[name] for r in rows)]
    table = make_table(words, *columns, *optional)
    for row in rows:
        reason = row["reason"] if row["rule"] in PEOPLES_RULES else None
        table.add_row(
            account_cell(row),
            *(format_cell(row[name], words) for name in ("source", "source_id")),
            make_text(words.find(f"rule.{row['rule']}", row["rule"])),
            make_text(words("format.quoted", text=reason) if reason else NO_VALUE),
            format_cell(row["since"], words),
            *(format_cell(row[name], words) for name in optional),
        )
    return table_or_message(table, rows, words("terminal.nothing"))


def runs_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of past runs."""
    table = make_table(words, "run", "command", "started", "took>", "status", "records>", "written")
    for row in rows:
        ended = row["ended_at"]
        took = (
            words.format_duration((ended - row["started_at"]).total_seconds())
            if ended
            else NO_VALUE
        )
        table.add_row(
            format_cell(row["run"], words),
            format_cell(row.get("command"), words),
            format_cell(row["started_at"], words),
            make_text(took),
            status_cell(row["status"], words),
            make_text(format_count(sum(s["records"] for s in row["streams"]), words)),
            make_text(format_counts(row["writes"], "written", words) or NO_VALUE),
        )
    return table_or_message(table, rows, words("terminal.no_run"))


def rejects_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of rejected records, without their raw data."""
    table = make_table(
        words, "source", "record", "id", "code", "reason", "attempts>", "rejected_at"
    )
    for row in rows:
        table.add_row(
            *(
                format_cell(row[name], words)
                for name in ("source", "record", "source_id", "code", "reason")
            ),
            *(format_cell(row["attempts"], words), format_cell(row["rejected_at"], words)),
        )
    return table_or_message(table, rows, words("terminal.no_reject"))


def _movement_cell(row: Row, movement: str, words: Translator) -> Text:
    amount = row.get(movement)
    return make_text(format_money(amount, row["currency"], words), "dim" if not amount else "")

"""One table per command, from the same rows as its JSON."""

from textwrap import shorten
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import (
    Row,
    Rows,
    account_cell,
    benchmark_cell,
    format_cell_number,
    format_counts,
    freshness_cell,
    join_lines,
    list_actions,
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
    format_difference,
    format_duration,
    format_money,
    format_period,
    format_quantity,
    format_sample,
    format_score,
    get_row_unit,
    make_text,
)

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
    *("reasons", "change_30d", "left_out"),
)
_CHANGE_WIDTH = 100
PLAN_FIELDS = ("destination", "object", "account", "key", "action", "changes", "reason")
RUN_FIELDS = ("run", "started_at", "ended_at", "status", "streams", "writes")
ACTION_STYLE = {"create": "green", "update": "yellow", "refused": "red"}


def check_table(rows: Rows) -> RenderableType:
    """Build the table of connections and streams, with a remedy for failed ones."""
    table = make_table("source", "stream", "", "")
    for row in rows:
        mark = make_text("ok", "green") if row["ok"] else make_text("failed", "red")
        message = make_text(row["message"] or "")
        if not row["ok"] and row["remedy"]:
            message = Text.assemble(message, "\n", make_text(f"→ {row['remedy']}", "bold"))
        table.add_row(format_cell(row["source"]), format_cell(row["stream"]), mark, message)
    return table_or_message(table, rows, "no connector is configured")


def metrics_table(rows: Rows) -> RenderableType:
    """Build the table of metrics with period, segment, target and sample size."""
    segmented = any(row.get("segment") for row in rows)
    policies = len({row.get("policy") for row in rows}) > 1
    compared = any(benchmark_cell(row) for row in rows)
    table = make_table("metric", "period", "value>", "rests on", "status")
    if compared:
        table.add_column("good is")
    if segmented:
        table.add_column("segment")
    if policies:
        table.add_column("policy")
    for row in rows:
        cells = [
            metric_cell(row),
            make_text(format_period(row["period_start"], row["period_end"])),
            make_text(format_quantity(row["value"], get_row_unit(row), row.get("currency"))),
            format_sample(row),
            freshness_cell(row),
        ]
        cells += [benchmark_cell(row)] if compared else []
        cells += [format_cell(row.get("segment"))] if segmented else []
        cells += [policy_cell(row)] if policies else []
        table.add_row(*cells)
    return table_or_message(table, rows, "no metric for this period")


def mrr_table(rows: Rows) -> RenderableType:
    """Build the bridge from opening to closing MRR, without movements that never occur."""
    moved = [m for m in MOVEMENTS if m in ("opening", "closing") or any(r.get(m) for r in rows)]
    keys = [k for k in ("account", "segment") if any(row.get(k) for row in rows)]
    table = make_table(*keys, "period", *(f"{movement}>" for movement in moved))
    for row in rows:
        table.add_row(
            *(format_cell(row.get(key)) for key in keys),
            make_text(format_period(row["period_start"], row["period_end"])),
            *(_movement_cell(row, movement) for movement in moved),
        )
    return table_or_message(table, rows, "no MRR in this time")


def reconcile_table(rows: Rows) -> RenderableType:
    """Build the table of MRR against invoices: differences, totals, reconciled share."""
    table = make_table(
        "account", "month", "MRR>", "invoiced>", "difference>", "cause", "unexplained>"
    )
    for row in rows:
        whole = row["account"] is None
        amounts = [row[name] for name in ("mrr", "invoiced", "difference", "unexplained")]
        mrr, invoiced, off, unexplained = (
            make_text(format_money(a, row["currency"])) for a in amounts
        )
        table.add_row(
            make_text("all accounts", "bold") if whole else make_text(row["account"]),
            *(make_text(row["month"]), mrr, invoiced, off),
            make_text(row["cause"] or "", "red" if row["cause"] == "unknown" else ""),
            unexplained,
        )
    if not rows:
        return make_text("no MRR and no invoices for this month", "dim")
    return Group(
        table, *(_reconciled_share(row) for row in rows if row["account"] is None and row["mrr"])
    )


def _reconciled_share(row: Row) -> Text:
    share = format_quantity(row["tied"] / row["mrr"], "ratio")
    tied, mrr, rest = (
        format_money(row[name], row["currency"]) for name in ("tied", "mrr", "unexplained")
    )
    return make_text(
        f"{share} of MRR ties to invoices ({tied} of {mrr}); {rest} unexplained", "bold"
    )


def scores_table(rows: Rows) -> RenderableType:
    """Build the table of accounts: score, band, change and first two reasons."""
    table = make_table("account", "score>", "band", "30 d>", "known>", "reasons")
    for row in rows:
        change = row.get("change_30d")
        table.add_row(
            account_cell(row),
            make_text(format_score(row["score"])),
            format_band(row["band"]),
            make_text(NO_VALUE if change is None else format_difference(change, "score")),
            make_text(format_quantity(row["coverage"], "ratio"), "dim"),
            join_lines(row["reasons"][:2]),
        )
    return table_or_message(table, rows, "no account has a score yet; run cs-sync sync first")


def plan_table(rows: Rows) -> RenderableType:
    """Build the table of planned writes with reasons; unchanged ones are only counted."""
    changing = [row for row in rows if row["action"] != "unchanged"]
    table = make_table("action", "object", "account", "changes", "reason")
    for row in changing:
        table.add_row(
            make_text(row["action"], ACTION_STYLE.get(row["action"], "")),
            format_cell(row["object"]),
            format_cell(row["account"]),
            join_lines(
                _format_field_change(field, *pair) for field, pair in row["changes"].items()
            ),
            format_cell(row.get("reason")),
        )
    counts = format_counts({a: [r["action"] for r in rows].count(a) for a in list_actions(rows)})
    return (
        Group(table, make_text(counts, "bold"))
        if changing
        else make_text(counts or "nothing to write")
    )


def _format_field_change(field: str, old: Any, new: Any) -> str:
    """Format a field's change; long texts are shortened here, complete in the JSON."""
    after = shorten(format_cell_number(new), _CHANGE_WIDTH, placeholder=" …")
    if old is None:
        return f"{field}: {after}"
    return f"{field}: {shorten(format_cell_number(old), _CHANGE_WIDTH, placeholder=' …')} → {after}"


def runs_table(rows: Rows) -> RenderableType:
    """Build the table of past runs."""
    table = make_table("run", "command", "started", "took>", "status", "records>", "written")
    for row in rows:
        ended = row["ended_at"]
        took = format_duration((ended - row["started_at"]).total_seconds()) if ended else NO_VALUE
        table.add_row(
            format_cell(row["run"]),
            format_cell(row.get("command")),
            format_cell(row["started_at"]),
            make_text(took),
            status_cell(row["status"]),
            make_text(f"{sum(stream['records'] for stream in row['streams']):,}"),
            make_text(format_counts(row["writes"]) or NO_VALUE),
        )
    return table_or_message(table, rows, "no run yet")


def rejects_table(rows: Rows) -> RenderableType:
    """Build the table of rejected records, without their raw data (that is in the JSON)."""
    table = make_table("source", "record", "id", "code", "reason", "tries>", "last")
    for row in rows:
        table.add_row(
            *(
                format_cell(row[name])
                for name in ("source", "record", "source_id", "code", "reason")
            ),
            *(format_cell(row["attempts"]), format_cell(row["rejected_at"])),
        )
    return table_or_message(table, rows, "no record was rejected")


def _movement_cell(row: Row, movement: str) -> Text:
    amount = row.get(movement)
    return make_text(format_money(amount, row["currency"]), "dim" if not amount else "")

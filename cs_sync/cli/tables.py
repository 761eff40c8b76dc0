"""One table per command, from the rows that its JSON has too."""

from textwrap import shorten
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cs_sync.cli.pieces import (
    Row,
    Rows,
    actions,
    benchmark,
    counted,
    freshness,
    lines_of,
    metric_of,
    number,
    or_nothing,
    policy_of,
    status_of,
    table_of,
    who,
)
from cs_sync.cli.values import (
    NOTHING,
    band,
    cell,
    difference,
    duration,
    money,
    period,
    quantity,
    sample,
    score_of,
    text,
    unit_of,
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
    *("reasons", "change_30d"),
)
_CHANGE_WIDTH = 100
PLAN_FIELDS = ("destination", "object", "account", "key", "action", "changes", "reason")
RUN_FIELDS = ("run", "started_at", "ended_at", "status", "streams", "writes")
ACTION_STYLE = {"create": "green", "update": "yellow", "refused": "red"}


def check_table(rows: Rows) -> RenderableType:
    """Every connection and stream, with the remedy of those that fail."""
    table = table_of("source", "stream", "", "")
    for row in rows:
        mark = text("ok", "green") if row["ok"] else text("failed", "red")
        said = text(row["message"] or "")
        if not row["ok"] and row["remedy"]:
            said = Text.assemble(said, "\n", text(f"→ {row['remedy']}", "bold"))
        table.add_row(cell(row["source"]), cell(row["stream"]), mark, said)
    return or_nothing(table, rows, "no connector is configured")


def metrics_table(rows: Rows) -> RenderableType:
    """Metrics with period, segment and benchmark; what they rest on in small print."""
    segmented = any(row.get("segment") for row in rows)
    policies = len({row.get("policy") for row in rows}) > 1
    compared = any(benchmark(row) for row in rows)
    table = table_of("metric", "period", "value>", "rests on", "status")
    if compared:
        table.add_column("good is")
    if segmented:
        table.add_column("segment")
    if policies:
        table.add_column("policy")
    for row in rows:
        cells = [
            metric_of(row),
            text(period(row["period_start"], row["period_end"])),
            text(quantity(row["value"], unit_of(row), row.get("currency"))),
            sample(row),
            freshness(row),
        ]
        cells += [benchmark(row)] if compared else []
        cells += [cell(row.get("segment"))] if segmented else []
        cells += [policy_of(row)] if policies else []
        table.add_row(*cells)
    return or_nothing(table, rows, "no metric for this period")


def mrr_table(rows: Rows) -> RenderableType:
    """The bridge from opening to closing; movements that never happen are left out."""
    moved = [m for m in MOVEMENTS if m in ("opening", "closing") or any(r.get(m) for r in rows)]
    keys = [k for k in ("account", "segment") if any(row.get(k) for row in rows)]
    table = table_of(*keys, "period", *(f"{movement}>" for movement in moved))
    for row in rows:
        table.add_row(
            *(cell(row.get(key)) for key in keys),
            text(period(row["period_start"], row["period_end"])),
            *(_movement(row, movement) for movement in moved),
        )
    return or_nothing(table, rows, "no MRR in this time")


def reconcile_table(rows: Rows) -> RenderableType:
    """Accounts whose MRR differs from their invoices, the sums, and the share that ties."""
    table = table_of(
        "account", "month", "MRR>", "invoiced>", "difference>", "cause", "unexplained>"
    )
    for row in rows:
        whole = row["account"] is None
        amounts = [row[name] for name in ("mrr", "invoiced", "difference", "unexplained")]
        mrr, invoiced, off, unexplained = (text(money(a, row["currency"])) for a in amounts)
        table.add_row(
            text("all accounts", "bold") if whole else text(row["account"]),
            *(text(row["month"]), mrr, invoiced, off),
            text(row["cause"] or "", "red" if row["cause"] == "unknown" else ""),
            unexplained,
        )
    if not rows:
        return text("no MRR and no invoices for this month", "dim")
    return Group(table, *(_tied(row) for row in rows if row["account"] is None and row["mrr"]))


def _tied(row: Row) -> Text:
    share = quantity(row["tied"] / row["mrr"], "ratio")
    tied, mrr, rest = (money(row[name], row["currency"]) for name in ("tied", "mrr", "unexplained"))
    return text(f"{share} of MRR ties to invoices ({tied} of {mrr}); {rest} unexplained", "bold")


def scores_table(rows: Rows) -> RenderableType:
    """Accounts with score, band, change and their first reasons."""
    table = table_of("account", "score>", "band", "30 d>", "known>", "reasons")
    for row in rows:
        change = row.get("change_30d")
        table.add_row(
            who(row),
            text(score_of(row["score"])),
            band(row["band"]),
            text(NOTHING if change is None else difference(change, "score")),
            text(quantity(row["coverage"], "ratio"), "dim"),
            lines_of(row["reasons"][:2]),
        )
    return or_nothing(table, rows, "no account has a score yet; run cs-sync sync first")


def plan_table(rows: Rows) -> RenderableType:
    """What would be written and why; unchanged things are only counted."""
    changing = [row for row in rows if row["action"] != "unchanged"]
    table = table_of("action", "object", "account", "changes", "reason")
    for row in changing:
        table.add_row(
            text(row["action"], ACTION_STYLE.get(row["action"], "")),
            cell(row["object"]),
            cell(row["account"]),
            lines_of(_change(field, *pair) for field, pair in row["changes"].items()),
            cell(row.get("reason")),
        )
    counts = counted({a: [r["action"] for r in rows].count(a) for a in actions(rows)})
    return Group(table, text(counts, "bold")) if changing else text(counts or "nothing to write")


def _change(field: str, old: Any, new: Any) -> str:
    """A field's old and new value; long texts are shortened here (the JSON has them whole)."""
    after = shorten(number(new), _CHANGE_WIDTH, placeholder=" …")
    if old is None:
        return f"{field}: {after}"
    return f"{field}: {shorten(number(old), _CHANGE_WIDTH, placeholder=' …')} → {after}"


def runs_table(rows: Rows) -> RenderableType:
    """Past runs, one line each."""
    table = table_of("run", "command", "started", "took>", "status", "records>", "written")
    for row in rows:
        ended = row["ended_at"]
        took = duration((ended - row["started_at"]).total_seconds()) if ended else NOTHING
        table.add_row(
            cell(row["run"]),
            cell(row.get("command")),
            cell(row["started_at"]),
            text(took),
            status_of(row["status"]),
            text(f"{sum(stream['records'] for stream in row['streams']):,}"),
            text(counted(row["writes"]) or NOTHING),
        )
    return or_nothing(table, rows, "no run yet")


def rejects_table(rows: Rows) -> RenderableType:
    """Records that wait, without what was received (that is in the JSON)."""
    table = table_of("source", "record", "id", "code", "reason", "tries>", "last")
    for row in rows:
        table.add_row(
            *(cell(row[name]) for name in ("source", "record", "source_id", "code", "reason")),
            *(cell(row["attempts"]), cell(row["rejected_at"])),
        )
    return or_nothing(table, rows, "no record was rejected")


def _movement(row: Row, movement: str) -> Text:
    amount = row.get(movement)
    return text(money(amount, row["currency"]), "dim" if not amount else "")

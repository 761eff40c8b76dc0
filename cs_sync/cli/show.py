"""What commands show in a terminal: tables of rows, and the end of a run.

Every function takes the rows of design's JSON and returns something rich can print, or prints to
the console it is given; other distributions (the sandbox's demo) print through the same ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cs_sync.cli.values import (
    NOTHING,
    STATUS_STYLE,
    amounts,
    band,
    cell,
    difference,
    duration,
    money,
    quantity,
    sample,
    score_of,
    text,
)

if TYPE_CHECKING:
    from cs_sync.jobs.summary import RunReport, RunSummary

Row = Mapping[str, Any]
Rows = Sequence[Row]

METRIC_FIELDS = (
    *("metric", "period_start", "period_end", "segment", "currency", "value", "unit"),
    *("numerator", "denominator", "n", "low", "high", "policy", "status", "stale_since"),
)
MOVEMENTS = (
    *("opening", "new", "reactivation", "expansion", "contraction", "churn"),
    *("fx", "reclass", "restatement", "closing"),
)
MRR_FIELDS = ("account", "currency", "period_start", "period_end", *MOVEMENTS)
SCORE_FIELDS = (
    *("account", "name", "as_of", "score", "band", "coverage", "mode", "contributions"),
    *("reasons", "change_30d"),
)
PLAN_FIELDS = ("destination", "object", "account", "key", "action", "changes", "reason")
RUN_FIELDS = ("run", "started_at", "ended_at", "status", "streams", "writes")
ACTION_STYLE = {"create": "green", "update": "yellow", "refused": "red"}


def check_table(rows: Rows) -> RenderableType:
    """Every connection and stream, with the remedy of those that fail."""
    table = _table("source", "stream", "", "")
    for row in rows:
        mark = text("ok", "green") if row["ok"] else text("failed", "red")
        said = text(row["message"] or "")
        if not row["ok"] and row["remedy"]:
            said = Text.assemble(said, "\n", text(f"→ {row['remedy']}", "bold"))
        table.add_row(cell(row["source"]), cell(row["stream"]), mark, said)
    return _or_nothing(table, rows, "no connector is configured")


def metrics_table(rows: Rows) -> RenderableType:
    """Metrics with their period and segment; what they rest on in small print."""
    segmented = any(row.get("segment") for row in rows)
    policies = len({row.get("policy") for row in rows}) > 1
    table = _table("metric", "period", "value>", "rests on", "status")
    if segmented:
        table.add_column("segment")
    if policies:
        table.add_column("policy")
    for row in rows:
        cells = [
            text(str(row["metric"])),
            text(f"{row['period_start']} … {row['period_end']}"),
            text(quantity(row["value"], row["unit"], row.get("currency"))),
            sample(row),
            _freshness(row),
        ]
        cells += [cell(row.get("segment"))] if segmented else []
        cells += [cell(row.get("policy"))] if policies else []
        table.add_row(*cells)
    return _or_nothing(table, rows, "no metric for this period")


def mrr_table(rows: Rows) -> RenderableType:
    """The bridge from opening to closing; movements that never happen are left out."""
    moved = [m for m in MOVEMENTS if m in ("opening", "closing") or any(r.get(m) for r in rows)]
    keys = [k for k in ("account", "segment") if any(row.get(k) for row in rows)]
    table = _table(*keys, "period", *(f"{movement}>" for movement in moved))
    for row in rows:
        table.add_row(
            *(cell(row.get(key)) for key in keys),
            text(str(row["period_start"])),
            *(_movement(row, movement) for movement in moved),
        )
    return _or_nothing(table, rows, "no MRR in this time")


def scores_table(rows: Rows) -> RenderableType:
    """Accounts with score, band, change and their first reasons."""
    table = _table("account", "score>", "band", "30 d>", "known>", "reasons")
    for row in rows:
        change = row.get("change_30d")
        table.add_row(
            _who(row),
            text(score_of(row["score"])),
            band(row["band"]),
            text(NOTHING if change is None else difference(change, "score")),
            text(quantity(row["coverage"], "ratio"), "dim"),
            _lines(row["reasons"][:2]),
        )
    return _or_nothing(table, rows, "no account has a score yet; run cs-sync sync first")


def explanation(console: Console, detail: Row) -> None:
    """One account's score: what each input gave, and the reasons in words."""
    heading = Text.assemble(
        _who(detail), "  ", text(score_of(detail["score"]), "bold"), " ", band(detail["band"])
    )
    console.print(heading)
    covered = quantity(detail["coverage"], "ratio")
    console.print(text(f"as of {detail['as_of']}, {covered} of the weight is known", "dim"))
    table = _table("input", "value>", "points>", "weight>", "contribution>")
    for part in detail["contributions"]:
        table.add_row(
            text(str(part["input"])),
            text(_number(part["value"])),
            text(_number(part["points"])),
            text(_number(part["weight"])),
            text(_number(part["contribution"])),
        )
    console.print(table)
    console.print(_lines(detail["reasons"]))
    known = (*SCORE_FIELDS,)
    for name in (name for name in detail if name not in known and detail[name] is not None):
        console.print(Text.assemble(text(f"{name.replace('_', ' ')}: ", "dim"), cell(detail[name])))


def plan_table(rows: Rows) -> RenderableType:
    """What would be written and why; unchanged things are only counted."""
    changing = [row for row in rows if row["action"] != "unchanged"]
    table = _table("action", "object", "account", "changes", "reason")
    for row in changing:
        table.add_row(
            text(row["action"], ACTION_STYLE.get(row["action"], "")),
            cell(row["object"]),
            cell(row["account"]),
            _lines(
                f"{field}: {_number(old)} → {_number(new)}"
                for field, (old, new) in row["changes"].items()
            ),
            cell(row.get("reason")),
        )
    counts = _counted({a: [r["action"] for r in rows].count(a) for a in _actions(rows)})
    return Group(table, text(counts, "bold")) if changing else text(counts or "nothing to write")


def runs_table(rows: Rows) -> RenderableType:
    """Past runs, one line each."""
    table = _table("run", "command", "started", "took>", "status", "records>", "written")
    for row in rows:
        ended = row["ended_at"]
        took = duration((ended - row["started_at"]).total_seconds()) if ended else NOTHING
        table.add_row(
            cell(row["run"]),
            cell(row.get("command")),
            cell(row["started_at"]),
            text(took),
            _status(row["status"]),
            text(f"{sum(stream['records'] for stream in row['streams']):,}"),
            text(_counted(row["writes"]) or NOTHING),
        )
    return _or_nothing(table, rows, "no run yet")


def rejects_table(rows: Rows) -> RenderableType:
    """Records that wait, without what was received (that is in the JSON)."""
    table = _table("source", "record", "id", "code", "reason", "tries>", "last")
    for row in rows:
        table.add_row(
            *(cell(row[name]) for name in ("source", "record", "source_id", "code", "reason")),
            *(cell(row["attempts"]), cell(row["rejected_at"])),
        )
    return _or_nothing(table, rows, "no record was rejected")


def summary_row(summary: "RunSummary") -> dict[str, Any]:
    """A run as the JSON of `runs` has it."""
    return {name: getattr(summary, name) for name in RUN_FIELDS}


def run_summary(console: Console, summary: "RunSummary") -> None:
    """How a run ended: its streams, what was written, what went wrong."""
    if summary.streams:
        console.print(streams_table(summary.streams))
    took = duration((summary.ended_at - summary.started_at).total_seconds())
    ended = Text.assemble(
        text(f"run {summary.run} "), _status(summary.status), text(f" after {took}")
    )
    console.print(ended)
    if any(summary.writes.values()):
        console.print(text(f"written: {_counted(summary.writes)}"))
    if summary.message:
        console.print(_lines(summary.message.splitlines()))


def streams_table(streams: Rows) -> RenderableType:
    """What each stream gave."""
    table = _table("source", "stream", "status", "records>", "rejected>", "deleted>", "waited>")
    for row in streams:
        waited = row["waited_seconds"]
        table.add_row(
            cell(row["source"]),
            cell(row["stream"]),
            _status(row["status"]),
            text(f"{row['records']:,}"),
            text(f"{row['rejected']:,}", "red" if row["rejected"] else "dim"),
            text(f"{row['deleted']:,}", "" if row["deleted"] else "dim"),
            text(duration(waited) if waited >= 1 else NOTHING, "dim"),
        )
    return table


def run_report(console: Console, report: "RunReport") -> None:
    """The end of the main job: run, KPIs, watch list, what was written, path of the report."""
    run_summary(console, report.summary)
    if report.kpis:
        _headed(console, "KPIs", kpis_table(report.kpis))
    if report.watch_list:
        _headed(console, "Watch list", watch_list_table(report.watch_list))
    _headed(console, "Written to the CRM", written(report))
    for note in report.notes:
        console.print(text(f"note: {note}", "yellow"))
    if report.report_path:
        console.print()
        console.print(Text.assemble("report: ", text(str(report.report_path), "bold")))


def kpis_table(rows: Rows) -> RenderableType:
    """The newest period of each metric, with the change against the one before."""
    table = _table("metric", "value>", "change>", "rests on", "status")
    for row, before in newest_with_previous(rows):
        unit, currency = row["unit"], row.get("currency")
        known = before is not None and before["value"] is not None and row["value"] is not None
        change = (
            difference(row["value"] - before["value"], unit, currency) if known and before else ""
        )
        table.add_row(
            text(str(row["metric"])),
            text(quantity(row["value"], unit, currency)),
            text(change, "dim"),
            sample(row),
            _freshness(row),
        )
    return table


def newest_with_previous(rows: Rows) -> list[tuple[Row, Row | None]]:
    """Each metric's newest row with the one before it, per segment, currency and policy."""
    series: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = tuple(str(row.get(k)) for k in ("metric", "segment", "currency", "policy"))
        series.setdefault(key, []).append(row)
    pairs: list[tuple[Row, Row | None]] = []
    for found in series.values():
        found.sort(key=lambda row: str(row["period_end"]))
        pairs.append((found[-1], found[-2] if len(found) > 1 else None))
    return pairs


def watch_list_table(rows: Rows) -> RenderableType:
    """The accounts to look at first: MRR at stake, score, band and the reasons in words."""
    table = _table("account", "MRR>", "score>", "band", "why")
    for row in rows:
        table.add_row(
            _who(row),
            text(amounts(row.get("mrr"))),
            text(score_of(row["score"])),
            band(row["band"]),
            _lines(row["reasons"]),
        )
    return table


def written(report: "RunReport") -> RenderableType:
    """What a run wrote, or that nothing had to be."""
    writes = report.summary.writes
    if any(count for name, count in writes.items() if name != "unchanged"):
        return text(_counted(writes))
    waiting = [row for row in report.plan if row["action"] in ("create", "update")]
    if waiting:
        counts = {
            action: sum(r["action"] == action for r in waiting) for action in _actions(waiting)
        }
        return text(f"nothing; planned: {_counted(counts)}")
    unchanged = f" ({writes['unchanged']:,} unchanged)" if writes.get("unchanged") else ""
    return text(f"nothing had to be written{unchanged}")


def _table(*columns: str) -> Table:
    """A table without lines; a column whose name ends in > is aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        right = column.endswith(">")
        table.add_column(
            column.removesuffix(">"),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    return table


def _headed(console: Console, heading: str, content: RenderableType) -> None:
    console.print()
    console.print(text(heading, "bold underline"))
    console.print(content)


def _or_nothing(table: Table, rows: Rows, otherwise: str) -> RenderableType:
    return table if rows else text(otherwise, "dim")


def _who(row: Row) -> Text:
    """The account's name, with its id in small print where they differ."""
    account, name = str(row["account"]), row.get("name")
    if not name or name == account:
        return text(account)
    return Text.assemble(text(str(name)), " ", text(account, "dim"))


def _lines(items: Iterable[str]) -> Text:
    return Text("\n").join(text(item) for item in items)


def _movement(row: Row, movement: str) -> Text:
    amount = row.get(movement)
    return text(money(amount, row["currency"]), "dim" if not amount else "")


def _status(status: str) -> Text:
    return text(status, STATUS_STYLE.get(status, ""))


def _freshness(row: Row) -> Text:
    if row.get("stale_since"):
        return Text.assemble(text("stale since ", "yellow"), cell(row["stale_since"]))
    return text(str(row.get("status") or ""), "dim" if row.get("status") == "final" else "yellow")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return NOTHING if value is None else str(value)


def _actions(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["action"] for row in rows))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)

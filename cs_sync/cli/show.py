"""What a run shows at its end; the sandbox's demo prints through the same functions."""

from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.text import Text

from cs_sync.cli.pieces import (
    Row,
    Rows,
    actions,
    counted,
    freshness,
    lines_of,
    metric_of,
    segment_of,
    status_of,
    table_of,
    who,
)
from cs_sync.cli.tables import RUN_FIELDS
from cs_sync.cli.values import (
    NOTHING,
    amounts,
    band,
    cell,
    difference,
    duration,
    period,
    quantity,
    sample,
    score_of,
    text,
    unit_of,
)

if TYPE_CHECKING:
    from cs_sync.jobs.summary import RunReport, RunSummary


def summary_row(summary: "RunSummary") -> dict[str, Any]:
    """A run as the JSON of `runs` has it."""
    return {name: getattr(summary, name) for name in RUN_FIELDS}


def run_summary(console: Console, summary: "RunSummary") -> None:
    """How a run ended: its streams, what was written, what went wrong."""
    if summary.streams:
        console.print(streams_table(summary.streams))
    took = duration((summary.ended_at - summary.started_at).total_seconds())
    ended = Text.assemble(
        text(f"run {summary.run} "), status_of(summary.status), text(f" after {took}")
    )
    console.print(ended)
    if any(summary.writes.values()):
        console.print(text(f"written: {counted(summary.writes)}"))
    if summary.message:
        console.print(lines_of(summary.message.splitlines()))


def streams_table(streams: Rows) -> RenderableType:
    """What each stream gave."""
    table = table_of("source", "stream", "status", "records>", "rejected>", "deleted>", "waited>")
    for row in streams:
        waited = row["waited_seconds"]
        table.add_row(
            cell(row["source"]),
            cell(row["stream"]),
            status_of(row["status"]),
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
        newest = max(report.kpis, key=lambda row: str(row["period_end"]))
        named = period(newest["period_start"], newest["period_end"])
        _headed(console, f"KPIs of {named}", kpis_table(report.kpis))
    if report.watch_list:
        _headed(console, "Watch list", watch_list_table(report.watch_list))
    _headed(console, "Written to the CRM", written(report))
    for note in report.notes:
        console.print(text(f"note: {note}", "yellow"))
    if report.report_path:
        console.print()
        path = text(str(report.report_path), "bold")
        console.print(Text.assemble("report: ", path), soft_wrap=True)  # to be copied whole


HEADLINES = (
    *("mrr", "new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr"),
    *("gross_mrr_churn_rate", "net_mrr_churn_rate", "expansion_rate", "nrr", "grr", "arpa"),
    *("customers", "customer_churn_rate", "churn_by_reason", "trial_conversion_rate"),
    *("nps", "csat", "ces", "dau", "mau", "dau_mau", "open_tickets", "first_reply_seconds"),
)
"""What a run shows of its KPIs; `cs-sync metrics` prints all."""


def kpis_table(rows: Rows) -> RenderableType:
    """The newest value of the headline metrics, with the change against the one before."""
    table = table_of("metric", "value>", "change>", "rests on", "status")
    headlines = [row for row in rows if row["metric"] in HEADLINES]
    for row, before in newest_with_previous(headlines):
        if row["value"] is None:
            continue
        unit, currency = unit_of(row), row.get("currency")
        known = before is not None and before["value"] is not None
        change = (
            difference(row["value"] - before["value"], unit, currency) if known and before else ""
        )
        table.add_row(
            Text.assemble(metric_of(row), " ", segment_of(row)),
            text(quantity(row["value"], unit, currency)),
            text(change, "dim"),
            sample(row),
            freshness(row),
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
    table = table_of("account", "MRR>", "score>", "band", "why")
    for row in rows:
        table.add_row(
            who(row),
            text(amounts(row.get("mrr"))),
            text(score_of(row["score"])),
            band(row["band"]),
            _why(row),
        )
    return table


def _why(row: Row) -> Text:
    """The reasons, and what is to be done next."""
    why = lines_of(row["reasons"])
    if row.get("next_action"):
        why = Text.assemble(why, "\n", text(f"→ {row['next_action']}", "bold"))
    return why


def written(report: "RunReport") -> RenderableType:
    """What a run wrote, or that nothing had to be."""
    writes = report.summary.writes
    if any(count for name, count in writes.items() if name != "unchanged"):
        return text(counted(writes))
    waiting = [row for row in report.plan if row["action"] in ("create", "update")]
    if waiting:
        counts = {
            action: sum(r["action"] == action for r in waiting) for action in actions(waiting)
        }
        return text(f"nothing; planned: {counted(counts)}")
    unchanged = f" ({writes['unchanged']:,} unchanged)" if writes.get("unchanged") else ""
    return text(f"nothing had to be written{unchanged}")


def _headed(console: Console, heading: str, content: RenderableType) -> None:
    console.print()
    console.print(text(heading, "bold underline"))
    console.print(content)

"""Output of a finished run; also used by the sandbox's demo."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import (
    Row,
    Rows,
    account_cell,
    format_counts,
    freshness_cell,
    join_lines,
    list_actions,
    make_table,
    metric_cell,
    segment_cell,
    status_cell,
)
from cs_sync.cli.render.formatting import (
    BAND_STYLE,
    NO_VALUE,
    format_amounts,
    format_band,
    format_cell,
    format_difference,
    format_duration,
    format_period,
    format_quantity,
    format_sample,
    format_score,
    get_row_unit,
    make_text,
)
from cs_sync.cli.render.tables import RUN_FIELDS

if TYPE_CHECKING:
    from cs_sync.runtime.run_result import RunReport, RunSummary


def build_summary_row(summary: "RunSummary") -> dict[str, Any]:
    """Return a run as a row, with the fields of `runs`."""
    return {name: getattr(summary, name) for name in RUN_FIELDS}


def print_run_summary(console: Console, summary: "RunSummary") -> None:
    """Print a run's result: its streams, writes and errors."""
    if summary.streams:
        console.print(streams_table(summary.streams))
    took = format_duration((summary.ended_at - summary.started_at).total_seconds())
    ended = Text.assemble(
        make_text(f"run {summary.run} "), status_cell(summary.status), make_text(f" after {took}")
    )
    console.print(ended)
    if any(summary.writes.values()):
        console.print(make_text(f"written: {format_counts(summary.writes)}"))
    if summary.message:
        console.print(join_lines(summary.message.splitlines()))


def streams_table(streams: Rows) -> RenderableType:
    """Build the table of streams with their counts."""
    table = make_table("source", "stream", "status", "records>", "rejected>", "deleted>", "waited>")
    for row in streams:
        waited = row["waited_seconds"]
        table.add_row(
            format_cell(row["source"]),
            format_cell(row["stream"]),
            status_cell(row["status"]),
            make_text(f"{row['records']:,}"),
            make_text(f"{row['rejected']:,}", "red" if row["rejected"] else "dim"),
            make_text(f"{row['deleted']:,}", "" if row["deleted"] else "dim"),
            make_text(format_duration(waited) if waited >= 1 else NO_VALUE, "dim"),
        )
    return table


def print_run_report(console: Console, report: "RunReport") -> None:
    """Print the main job's result: run, KPIs, watch list, writes, path of the report."""
    print_run_summary(console, report.summary)
    if report.kpis:
        newest = max(report.kpis, key=lambda row: str(row["period_end"]))
        named = format_period(newest["period_start"], newest["period_end"])
        _print_section(console, f"KPIs of {named}", kpis_table(report.kpis))
    if report.bands:
        _print_section(console, "Health", bands_line(report.bands))
    if report.watch_list:
        _print_section(console, "Watch list", watch_list_table(report.watch_list))
    _print_section(console, "Written to the CRM", writes_summary(report))
    for note in report.notes:
        console.print(make_text(f"note: {note}", "yellow"))
    if report.report_path:
        console.print()
        path = make_text(str(report.report_path), "bold")
        console.print(Text.assemble("report: ", path), soft_wrap=True)  # to be copied whole


HEADLINE_METRICS = (
    *("mrr", "new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr"),
    *("gross_mrr_churn_rate", "net_mrr_churn_rate", "expansion_rate", "nrr", "grr", "arpa"),
    *("customers", "customer_churn_rate", "churn_by_reason", "trial_conversion_rate"),
    *("nps", "csat", "ces", "dau", "mau", "dau_mau", "open_tickets", "first_reply_seconds"),
)
"""What a run shows of its KPIs; `cs-sync metrics` prints all."""


def kpis_table(rows: Rows) -> RenderableType:
    """Build the table of headline metrics: newest value and change from the one before."""
    table = make_table("metric", "value>", "change>", "rests on", "status")
    headlines = [row for row in rows if row["metric"] in HEADLINE_METRICS]
    for row, before in pair_newest_rows(headlines):
        if row["value"] is None:
            continue
        unit, currency = get_row_unit(row), row.get("currency")
        has_baseline = before is not None and before["value"] is not None
        change = (
            format_difference(row["value"] - before["value"], unit, currency)
            if has_baseline and before
            else ""
        )
        table.add_row(
            Text.assemble(metric_cell(row), " ", segment_cell(row)),
            make_text(format_quantity(row["value"], unit, currency)),
            make_text(change, "dim"),
            format_sample(row),
            freshness_cell(row),
        )
    return table


def pair_newest_rows(rows: Rows) -> list[tuple[Row, Row | None]]:
    """Return each metric's newest row and the one before it.

    Rows are compared within one segment, currency and policy.
    """
    series: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = tuple(str(row.get(k)) for k in ("metric", "segment", "currency", "policy"))
        series.setdefault(key, []).append(row)
    pairs: list[tuple[Row, Row | None]] = []
    for rows_of_series in series.values():
        rows_of_series.sort(key=lambda row: str(row["period_end"]))
        pairs.append((rows_of_series[-1], rows_of_series[-2] if len(rows_of_series) > 1 else None))
    return pairs


def bands_line(bands: Mapping[str, int]) -> Text:
    """Return `230 customers scored: 12 red, 218 green; 25 without enough data`."""
    scored = {band: count for band, count in bands.items() if band != "insufficient"}
    without = bands.get("insufficient", 0)
    total = sum(scored.values())
    line = Text(f"{total:,} customer{'s' * (total != 1)} scored")
    for position, (band, count) in enumerate(scored.items()):
        line.append(", " if position else ": ").append(f"{count:,} ").append(format_band(band))
    if without:
        line.append(f"; {without:,} without enough data", style=BAND_STYLE["insufficient"])
    return line


def watch_list_table(rows: Rows) -> RenderableType:
    """Build the watch list: accounts by priority, with MRR at stake, score, band, reasons."""
    table = make_table("account", "MRR>", "score>", "band", "why")
    for row in rows:
        table.add_row(
            account_cell(row),
            make_text(format_amounts(row.get("mrr"))),
            make_text(format_score(row["score"])),
            format_band(row["band"]),
            _reasons_cell(row),
        )
    return table


def _reasons_cell(row: Row) -> Text:
    """Return the reasons and the next action."""
    why = join_lines(row["reasons"])
    if row.get("next_action"):
        why = Text.assemble(why, "\n", make_text(f"→ {row['next_action']}", "bold"))
    return why


def writes_summary(report: "RunReport") -> RenderableType:
    """Return what a run wrote or planned to write."""
    writes = report.summary.writes
    if any(count for name, count in writes.items() if name != "unchanged"):
        return make_text(format_counts(writes))
    waiting = [row for row in report.plan if row["action"] in ("create", "update")]
    if waiting:
        counts = {
            action: sum(r["action"] == action for r in waiting) for action in list_actions(waiting)
        }
        return make_text(f"nothing; planned: {format_counts(counts)}")
    unchanged = f" ({writes['unchanged']:,} unchanged)" if writes.get("unchanged") else ""
    return make_text(f"nothing had to be written{unchanged}")


def _print_section(console: Console, heading: str, content: RenderableType) -> None:
    console.print()
    console.print(make_text(heading, "bold underline"))
    console.print(content)

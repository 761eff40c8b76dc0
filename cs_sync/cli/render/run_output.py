"""Output of a finished run; also used by the sandbox's demo."""

from collections import Counter
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
    make_table,
    metric_title_cell,
    segment_cell,
    status_cell,
)
from cs_sync.cli.render.formatting import (
    NO_VALUE,
    STATUS_STYLE,
    describe_order,
    format_amounts,
    format_band,
    format_cell,
    format_count,
    format_difference,
    format_period,
    format_quantity,
    format_sample,
    format_score,
    get_row_unit,
    make_text,
)
from cs_sync.cli.render.tables import RUN_FIELDS
from cs_sync.foresight.outlook import describe_chance
from cs_sync.i18n import Translator

if TYPE_CHECKING:
    from cs_sync.runtime.run_result import RunReport, RunSummary


def build_summary_row(summary: "RunSummary") -> dict[str, Any]:
    """Return a run as a row, with the fields of `runs`."""
    return {name: getattr(summary, name) for name in RUN_FIELDS}


def print_run_summary(console: Console, summary: "RunSummary", words: Translator) -> None:
    """Print a run's result: its streams, writes and problems."""
    _print_streams(console, summary, words)
    if any(summary.writes.values()):
        console.print(make_text(format_counts(summary.writes, "written", words)))
    if summary.message:
        console.print(join_lines(summary.message.splitlines()))


def _print_streams(console: Console, summary: "RunSummary", words: Translator) -> None:
    if summary.streams:
        console.print(streams_table(summary.streams, words))
    took = words.format_duration((summary.ended_at - summary.started_at).total_seconds())
    status = words.find(f"status.{summary.status}", summary.status)
    ended = words("terminal.run_ended", run=summary.run, status=status, duration=took)
    console.print(make_text(ended, STATUS_STYLE.get(summary.status, "")))


def streams_table(streams: Rows, words: Translator) -> RenderableType:
    """Build the table of streams with their counts."""
    counts = ("records>", "rejected>", "deleted>", "waited>")
    table = make_table(words, "source", "stream", "status", *counts)
    for row in streams:
        waited = row["waited_seconds"]
        table.add_row(
            format_cell(row["source"], words),
            format_cell(row["stream"], words),
            status_cell(row["status"], words),
            make_text(format_count(row["records"], words)),
            make_text(format_count(row["rejected"], words), "red" if row["rejected"] else "dim"),
            make_text(format_count(row["deleted"], words), "" if row["deleted"] else "dim"),
            make_text(words.format_duration(waited) if waited >= 1 else NO_VALUE, "dim"),
        )
    return table


def print_run_report(console: Console, report: "RunReport", words: Translator) -> None:
    """Print the main job's result, from KPIs to the report's path."""
    _print_streams(console, report.summary, words)
    if report.summary.message:
        console.print(join_lines(report.summary.message.splitlines()))
    if report.kpis:
        newest = max(report.kpis, key=lambda row: str(row["period_end"]))
        period = format_period(newest["period_start"], newest["period_end"], words)
        heading = words("terminal.kpis", period=period)
        _print_section(console, heading, kpis_table(report.kpis, words))
    if report.bands:
        _print_section(console, words("terminal.health"), bands_line(report.bands, words))
    if report.watch_list:
        watched = watch_list_table(report.watch_list, words)
        _print_section(console, words("terminal.watch_list"), watched)
        console.print(make_text(describe_order(report.watch_list, words), "dim"))
    if report.has_destination:
        _print_section(console, words("terminal.crm"), writes_summary(report, words))
    elif report.notes:
        console.print()
    for note in report.notes:
        console.print(make_text(f"! {note}", "yellow"))
    if report.report_path:
        console.print()
        path = words("terminal.report", path=str(report.report_path))
        console.print(make_text(path, "bold"), soft_wrap=True)  # to be copied whole


HEADLINE_METRICS = (
    *("mrr", "new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr"),
    *("gross_mrr_churn_rate", "net_mrr_churn_rate", "expansion_rate", "nrr", "grr", "arpa"),
    *("customers", "customer_churn_rate", "churn_by_reason", "trial_conversion_rate"),
    *("nps", "csat", "ces", "dau", "mau", "dau_mau", "open_tickets", "first_reply_seconds"),
)
"""What a run shows of its KPIs; `cs-sync metrics` prints all."""


def kpis_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of headline metrics with their changes."""
    table = make_table(words, "metric", "value>", "change>", "sample_size", "status")
    headlines = [row for row in rows if row["metric"] in HEADLINE_METRICS]
    for row, before in pair_newest_rows(headlines):
        if row["value"] is None:
            continue
        unit, currency = get_row_unit(row), row.get("currency")
        has_baseline = before is not None and before["value"] is not None
        change = (
            format_difference(row["value"] - before["value"], unit, words, currency)
            if has_baseline and before
            else ""
        )
        table.add_row(
            Text.assemble(metric_title_cell(row, words), " ", segment_cell(row, words)),
            make_text(format_quantity(row["value"], unit, words, currency)),
            make_text(change, "dim"),
            format_sample(row, words),
            freshness_cell(row, words),
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


def bands_line(bands: Mapping[str, int], words: Translator) -> Text:
    """Return `230 customers scored: 12 red, 218 green; 25 without enough data`."""
    scored = {band: count for band, count in bands.items() if band != "insufficient"}
    without = bands.get("insufficient", 0)
    total = words("terminal.scored", sum(scored.values()))
    counts = ", ".join(
        words("terminal.scored_band", number=format_count(count, words), band=words.band(band))
        for band, count in scored.items()
    )
    line = words("terminal.scored_bands", scored=total, bands=counts) if scored else total
    if not without:
        return make_text(line)
    rest = words("terminal.unscored", without)
    return make_text(words("terminal.list_of_two", first=line, second=rest))


def watch_list_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the watch list, accounts by priority with their reasons."""
    table = make_table(words, "account", "mrr>", "score>", "band", "reasons")
    for row in rows:
        table.add_row(
            account_cell(row),
            make_text(format_amounts(row.get("mrr"), words)),
            make_text(format_score(row["score"], words)),
            format_band(row["band"], words),
            _reasons_cell(row, words),
        )
    return table


def _reasons_cell(row: Row, words: Translator) -> Text:
    """Return the reasons, the chance of leaving and the next action."""
    chance = describe_chance(row, words)
    why = join_lines([*row["reasons"], *([chance] if chance else [])])
    if row.get("next_action"):
        why = Text.assemble(why, "\n", make_text(f"→ {row['next_action']}", "bold"))
    return why


def writes_summary(report: "RunReport", words: Translator) -> RenderableType:
    """Return what a run wrote or planned to write."""
    writes = report.summary.writes
    if any(count for name, count in writes.items() if name != "unchanged"):
        return make_text(format_counts(writes, "written", words))
    waiting = Counter(row["action"] for row in report.plan if row["action"] in ("create", "update"))
    if waiting:
        return make_text(words("terminal.planned", counts=format_counts(waiting, "planned", words)))
    unchanged = format_counts({"unchanged": writes.get("unchanged", 0)}, "written", words)
    if unchanged:
        return make_text(words("terminal.no_changes_of", counts=unchanged))
    return make_text(words("terminal.no_changes"))


def _print_section(console: Console, heading: str, content: RenderableType) -> None:
    console.print()
    console.print(make_text(heading, "bold underline"))
    console.print(content)

"""The report: the current data as one HTML file."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.jobs.follow_ups import decide_follow_ups
from cs_sync.metrics.periods import add_months, find_last_whole_period
from cs_sync.metrics.reconcile.compare import ReconciliationRow
from cs_sync.queries.day import BANDS, DayView, build_day_view
from cs_sync.queries.health_model import describe_model
from cs_sync.queries.identity_questions import describe_open_questions
from cs_sync.queries.late_use import describe_incomplete_days
from cs_sync.queries.metrics import MetricRequest, query_metrics, query_mrr
from cs_sync.queries.reconcile import reconcile_month
from cs_sync.queries.topics import list_newest_topics
from cs_sync.queries.unattributed import list_unattributed_shares, read_newest_unattributed
from cs_sync.queries.watch_list import build_watch_list
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.crm_records import read_remote_accounts
from cs_sync.store.queries.health import count_bands_by_day
from cs_sync.store.records.stream_state import read_cursor_times
from cs_sync.store.runs import read_runs

REPORT_FILE = "cs_sync_report.html"
BRIDGE_MONTHS = 24
MAX_QUOTES = 3
RECENT_RUNS = 20


def create_report(workspace: Workspace) -> Path:
    """Write the report beside the configuration.

    Returns:
        The path of the report.
    """
    day = build_day_view(workspace)
    watch_list = build_watch_list(day, decide_follow_ups(workspace, day, company=False))
    kpis = query_newest_kpis(workspace)
    notes = [*_describe_late_use(workspace), *describe_model(workspace)]
    return write_report(workspace, day, watch_list, kpis, notes)


def _describe_late_use(workspace: Workspace) -> list[str]:
    """Describe incomplete days; nothing without the sources' keys, as a report needs none."""
    try:
        return describe_incomplete_days(workspace, workspace.sources())
    except ConfigError:
        return []


def query_newest_kpis(workspace: Workspace) -> list[dict[str, Any]]:
    """Compute every metric for the last whole month and the month before."""
    zone = str(workspace.config.workspace.timezone)
    newest = find_last_whole_period(workspace.today, "month", zone)
    return query_metrics(
        workspace, MetricRequest(since=add_months(newest.start, -1), until=newest.end)
    )


def write_report(
    workspace: Workspace,
    day: DayView,
    watch_list: Sequence[Mapping[str, Any]],
    kpis: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> Path:
    """Render the report and replace its file in one step, readable by its owner only.

    The report holds personal data.

    Args:
        workspace: The workspace.
        day: The scored accounts and their MRR.
        watch_list: Rows of the watch list.
        kpis: Rows of metrics for the last two months.
        notes: Messages for the reader.

    Returns:
        The path of the report.

    Raises:
        ConfigError: The file cannot be written.
    """
    from cs_sync.report import render_report

    path = workspace.config.folder / REPORT_FILE
    draft = path.with_suffix(".part")
    try:
        page = render_report(_build_report_data(workspace, day, watch_list, kpis, notes))
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(page, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}",
            "free the path, or move the configuration",
        ) from error
    return path


def _build_report_data(
    workspace: Workspace,
    day: DayView,
    watch_list: Sequence[Mapping[str, Any]],
    kpis: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> Any:
    from cs_sync.report import ReportData

    settings, now = workspace.config, workspace.clock()
    with workspace.store.read() as connection:
        history = count_bands_by_day(
            connection, settings.health.mode, workspace.today - timedelta(90)
        )
        newest = _find_newest_run(read_runs(connection, RECENT_RUNS))
        links = {
            account: records
            for name in reversed(settings.write_back.destinations)
            for account, records in read_remote_accounts(connection, name).items()
        }
        cursors = read_cursor_times(connection)
    return ReportData(
        workspace=settings.workspace.name,
        generated_at=now,
        as_of=workspace.today,
        timezone=settings.workspace.timezone,
        run=_build_reported_run(newest),
        kpis=_drop_unknown_metrics(kpis),
        mrr=query_mrr(
            workspace, since=get_first_reported_month(workspace.today), until=workspace.today
        ),
        bands=_count_bands(day),
        band_history=_build_band_history(history),
        watch_list=_build_watched_accounts(watch_list, links),
        destination=" and ".join(settings.write_back.destinations) or "the CRM",
        writes=newest["writes"] if newest else {},
        streams=_build_freshness(newest, cursors),
        topics=_build_topics(list_newest_topics(workspace)),
        ties=_build_invoice_ties(workspace),
        unattributed=_build_unattributed(workspace),
        notes=tuple(dict.fromkeys([*notes, *describe_open_questions(workspace)])),
    )


def _drop_unknown_metrics(kpis: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of metrics with a value in the newest period."""
    newest = max((row["period_end"] for row in kpis), default=None)
    computed = {
        (row["metric"], row["currency"])
        for row in kpis
        if row["period_end"] == newest and row["value"] is not None
    }
    return [row for row in kpis if (row["metric"], row["currency"]) in computed]


def get_first_reported_month(today: date) -> date:
    """Return the first day of the months that the report shows."""
    return add_months(today.replace(day=1), -BRIDGE_MONTHS)


def _find_newest_run(runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the newest run that read or wrote something; runs that only compute do neither."""
    at_work = (run for run in runs if run["streams"] or any((run["writes"] or {}).values()))
    return next(at_work, next(iter(runs), None))


def _build_reported_run(run: Mapping[str, Any] | None) -> Any:
    from cs_sync.report import ReportedRun

    if run is None:
        return None
    return ReportedRun(run["id"], run["status"], run["started_at"], run["ended_at"])


def _count_bands(day: DayView) -> list[Any]:
    from cs_sync.report import BandCount

    money: dict[str, Counter[str]] = {band: Counter() for band in BANDS}
    for item in day.customers:
        money[item.score.band].update(day.get_mrr(item.account["id"]))
    counts = Counter(item.score.band for item in day.customers)
    return [BandCount(band, counts[band], dict(money[band])) for band in BANDS if counts[band]]


def _build_band_history(rows: Sequence[tuple[date, str, int]]) -> list[Any]:
    from cs_sync.report import BandCountOnDay

    return [BandCountOnDay(*row) for row in rows]


def _build_watched_accounts(
    rows: Sequence[Mapping[str, Any]], links: Mapping[str, Sequence[tuple[str, str]]]
) -> list[Any]:
    from cs_sync.report import WatchedAccount

    return [
        WatchedAccount(
            account=row["account"],
            name=row["name"] or row["account"],
            mrr=row["mrr"],
            score=row["score"],
            band=row["band"],
            change_30d=row["change_30d"],
            reasons=row["reasons"],
            next_action=row["next_action"] or "",
            link=next((url for _, url in links.get(row["account"], ())), ""),
        )
        for row in rows
    ]


def _build_topics(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    from cs_sync.report import CommentTopic

    return [
        CommentTopic(
            topic=row["topic"],
            comments=row["n"],
            accounts=row["accounts"],
            quotes=list(dict.fromkeys(comment["text"] for comment in row["comments"]))[:MAX_QUOTES],
            mean_score=row["mean_score"],
            mrr=row["mrr"],
            currency=row["currency"],
        )
        for row in rows
    ]


def _build_invoice_ties(workspace: Workspace) -> list[Any]:
    from cs_sync.report import InvoiceTie

    reconciliation = reconcile_month(workspace)
    totals = {currency: ReconciliationRow(None, currency) for currency in reconciliation.left_out}
    totals |= {total.currency: total for total in reconciliation.sums}
    return [
        InvoiceTie(
            currency,
            reconciliation.month,
            total.tied,
            total.mrr,
            total.unexplained,
            reconciliation.left_out.get(currency, 0),
        )
        for currency, total in sorted(totals.items())
    ]


def _build_unattributed(workspace: Workspace) -> list[Any]:
    from cs_sync.report import UnattributedRecords

    newest: dict[tuple[str, str | None], list[str]] = {}
    for row in read_newest_unattributed(workspace, MAX_QUOTES):
        ids = (row["source_id"], row["contact_source_id"], row["account_source_id"])
        name = next((candidate for candidate in ids if candidate), "without an id")
        newest.setdefault((row["kind"], row["currency"]), []).append(f"{row['source']} {name}")
    return [
        UnattributedRecords(
            share.kind,
            share.unattributed,
            share.total,
            share.currency,
            newest.get((share.kind, share.currency), ()),
        )
        for share in list_unattributed_shares(workspace)
    ]


def _build_freshness(
    run: Mapping[str, Any] | None, cursors: Mapping[tuple[str, str], Any]
) -> list[Any]:
    from cs_sync.report import StreamFreshness

    return [
        StreamFreshness(
            source=stream["source"],
            stream=stream["stream"],
            status=stream["status"],
            fresh_until=cursors.get((stream["source"], stream["stream"])),
            records=stream["records"],
            rejected=stream["rejected"],
            error=stream["error"] or "",
        )
        for stream in (run["streams"] if run else ())
    ]

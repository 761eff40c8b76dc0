"""The report: the current data as one HTML file."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from cs_sync.contracts.errors import ConfigError
from cs_sync.health.signal_words import name_signal
from cs_sync.jobs.follow_ups import DecidedFollowUps, decide_follow_ups
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.periods import find_last_whole_period
from cs_sync.metrics.reconcile.compare import ReconciliationRow
from cs_sync.queries.day import DayView, build_day_view
from cs_sync.queries.figures import Figures, get_first_reported_month, mute, query_figures
from cs_sync.queries.health_model import describe_model, read_health_model
from cs_sync.queries.kept_results import KeptAnswers, hash_parts
from cs_sync.queries.kept_rows import keep_rows
from cs_sync.queries.late_use import find_incomplete_days
from cs_sync.queries.metrics import format_bridge, query_mrr
from cs_sync.queries.reconcile import BILLING_TABLES, reconcile_month
from cs_sync.queries.report_accounts import (
    AccountSources,
    build_reported_accounts,
    list_month_ends,
    read_account_sources,
)
from cs_sync.queries.report_foresight import estimate_expected_churn, read_backtest
from cs_sync.queries.report_money import (
    MoneyConverter,
    build_agenda,
    build_converter,
    compare_months,
    list_currencies,
)
from cs_sync.queries.topics import list_newest_topics
from cs_sync.queries.unattributed import list_newest_unattributed
from cs_sync.report import (
    STATE,
    CommentTopic,
    InvoiceTie,
    Notices,
    ReportData,
    ReportedRun,
    ReportPage,
    ReportSummary,
    StreamFreshness,
    UnattributedRecords,
    build_figures,
    build_page,
    complete_page,
)
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.packed_json import PackedJson
from cs_sync.store.fast.shared_reads import share_reads
from cs_sync.store.queries.account_answers import count_questions
from cs_sync.store.queries.unattributed import UnattributedShare
from cs_sync.store.records.stream_state import read_cursor_times
from cs_sync.store.runs import read_runs

REPORT_FILE = "cs_sync_report.html"
KIND = "report"
FORM = PackedJson[ReportPage](ReportPage)
"""Of the page that is kept."""
MAX_QUOTES = 3
RECENT_RUNS = 20


class WrittenReport(Struct, frozen=True):
    """A report that was written, and what it says in short: in words, and in figures."""

    path: Path
    summary: ReportSummary
    figures: Mapping[str, Any] = field(default_factory=dict)


def create_report(workspace: Workspace) -> WrittenReport:
    """Write the report beside the configuration."""
    day = build_day_view(workspace)
    follow_ups = decide_follow_ups(workspace, day, company=False)
    return write_report(workspace, day, follow_ups, query_figures(workspace), ())


def write_report(
    workspace: Workspace,
    day: DayView,
    follow_ups: DecidedFollowUps,
    figures: Figures,
    messages: Sequence[str],
) -> WrittenReport:
    """Render the report and replace its file in one step.

    Only its owner can read the file. The report holds personal data.

    Args:
        workspace: The workspace.
        day: The scored accounts and their MRR.
        follow_ups: The follow-ups after today's decision.
        figures: KPIs and the MRR bridge of today.
        messages: What the run reported, for engineers.

    Raises:
        ConfigError: The file cannot be written.
    """
    path = workspace.config.folder / REPORT_FILE
    draft = path.with_suffix(".part")
    try:
        with share_reads(workspace.store.engine):
            money = build_converter(workspace)
            sources = read_account_sources(workspace, day, follow_ups.rows, money)
            data = _build_report_data(sources, follow_ups, figures, messages)
            page = _build_or_keep_page(data, sources)
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(complete_page(page.html, data), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}",
            "free the path, or move the configuration",
        ) from error
    return WrittenReport(path, page.summary, build_figures(data, page.risk))


def list_report_copies(workspace: Workspace) -> list[Path]:
    """Return the dated copies of reports, oldest first."""
    name = Path(REPORT_FILE)
    return sorted(workspace.config.report_folder.glob(f"{name.stem}_????-??-??{name.suffix}"))


def _build_or_keep_page(data: ReportData, sources: AccountSources) -> ReportPage:
    """Build the page of the accounts, or return that of before.

    It is kept under a digest of what it is made of.
    """
    others = {*STATE, "accounts", "words", "timezone"}
    shown = [getattr(data, name) for name in data.__struct_fields__ if name not in others]
    parts = [shown, data.words.language, data.timezone.key, sources.list_parts()]
    kept = KeptAnswers(sources.workspace, KIND, hash_parts(parts))
    if (packed := kept.packed.get(KIND)) is not None:
        return FORM.decode(packed)
    page = build_page(replace(data, accounts=build_reported_accounts(sources)))
    kept.replace_packed({KIND: FORM.encode(page)})
    return page


def _build_report_data(
    sources: AccountSources,
    follow_ups: DecidedFollowUps,
    figures: Figures,
    messages: Sequence[str],
) -> ReportData:
    """Build what the report says beside its accounts."""
    workspace, day, money = sources.workspace, sources.day, sources.money
    settings, titles = workspace.config, workspace.titles
    with workspace.store.read() as connection:
        newest = _find_newest_run(read_runs(connection, RECENT_RUNS))
        cursors = read_cursor_times(connection)
    agenda = build_agenda(workspace, day, money)
    since, until = get_first_reported_month(workspace.today), workspace.today
    return ReportData(
        workspace=settings.workspace.name,
        generated_at=workspace.clock(),
        as_of=workspace.today,
        words=workspace.words,
        timezone=settings.workspace.timezone,
        currency=money.currency,
        rates=money.list_used_rates(list_currencies(day, (item.currency for item in agenda))),
        unconverted=_sum_unconverted(day, money),
        run=_build_reported_run(newest),
        months=list_month_ends(workspace.today),
        inputs=_name_inputs(workspace),
        segment_name=sources.context.segment,
        agenda=agenda,
        month=compare_months(workspace),
        expected_churn=estimate_expected_churn(workspace, day, money),
        backtest=read_backtest(workspace),
        kpis=[row.json() for row in (*figures.trends, *_drop_unknown_metrics(figures.kpis))],
        mrr=format_bridge(figures.bridge),
        mrr_converted=query_mrr(mute(workspace), since=since, until=until, currency=money.currency),
        destination=", ".join(titles[name] for name in settings.write_back.destinations),
        writes=newest["writes"] if newest else {},
        streams=_build_freshness(newest, cursors, titles),
        topics=_build_topics(list_newest_topics(workspace, day.mrr)),
        ties=_build_invoice_ties(workspace),
        unattributed=_build_unattributed(workspace, figures.unattributed),
        notices=_build_notices(
            workspace, follow_ups, [*map(_drop_remedy, messages), *_list_errors(newest)]
        ),
    )


def _sum_unconverted(day: DayView, money: MoneyConverter) -> dict[str, int]:
    """Map currency without a rate → the MRR in it."""
    paid: Counter[str] = Counter()
    for item in day.customers:
        paid.update(day.get_mrr(item.account["id"]))
    return {code: amount for code, amount in paid.items() if money.convert(amount, code) is None}


def _name_inputs(workspace: Workspace) -> dict[str, str]:
    """Map each input of the score to its name or signal's title."""
    model, words = read_health_model(workspace), workspace.words
    named = words.keys()

    def get_name(name: str, signal: str) -> str:
        if f"report.input.{name}" in named:
            return words(f"report.input.{name}")
        return name_signal(signal, words)

    return {name: get_name(name, item.signal) for name, item in model.active().items()}


def _drop_remedy(message: str) -> str:
    """Remove the remedy from a message.

    It stands in lines of its own.
    """
    return message.partition("\n")[0]


def _list_errors(run: Mapping[str, Any] | None) -> list[str]:
    """Return the errors of a run's streams, for engineers."""
    return [
        f"{stream['source']} {stream['stream']}: {stream['status']}: {stream['error']}"
        for stream in (run["streams"] if run else ())
        if stream["error"]
    ]


def _build_notices(
    workspace: Workspace, follow_ups: DecidedFollowUps, messages: Sequence[str]
) -> Notices:
    with workspace.store.read() as connection:
        questions = count_questions(connection)
    try:
        incomplete = find_incomplete_days(workspace, workspace.sources())
    except ConfigError:  # a source's key is missing, and a report needs none
        incomplete = {}
    described = describe_model(workspace)
    return Notices(
        deferred=sum(row["state"] == "waiting" for row in follow_ups.rows),
        unassigned=sum(
            row["state"] == "open" and not row["assignee"] and not row["owner_source_id"]
            for row in follow_ups.rows
        ),
        ambiguous=sum(questions.values()),
        incomplete={workspace.titles.get(name, name): n for name, n in incomplete.items()},
        model=described,
        messages=[m for m in dict.fromkeys(messages) if m not in described],
    )


def _drop_unknown_metrics(kpis: Sequence[KpiRow]) -> list[KpiRow]:
    """Return the rows of metrics with a value in the newest period."""
    newest = max((row.period_end for row in kpis), default=None)
    computed = {
        (row.metric, row.currency)
        for row in kpis
        if row.period_end == newest and row.value is not None
    }
    return [row for row in kpis if (row.metric, row.currency) in computed]


def _find_newest_run(runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the newest run that read or wrote something."""
    at_work = (run for run in runs if run["streams"] or any((run["writes"] or {}).values()))
    return next(at_work, next(iter(runs), None))


def _build_reported_run(run: Mapping[str, Any] | None) -> ReportedRun | None:
    if run is None:
        return None
    return ReportedRun(run["id"], run["status"], run["started_at"], run["ended_at"])


def _build_topics(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
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
    zone = str(workspace.config.workspace.timezone)
    month = find_last_whole_period(workspace.today, "month", zone)
    question = ("invoice ties", month.start, zone)
    rows = keep_rows(workspace, question, BILLING_TABLES, lambda: _sum_invoice_ties(workspace))
    return [InvoiceTie(month=month.start, **row) for row in rows]


def _sum_invoice_ties(workspace: Workspace) -> list[dict[str, Any]]:
    """Compare the newest whole month's MRR with invoices: a row per currency."""
    reconciliation = reconcile_month(workspace)
    totals = {currency: ReconciliationRow(None, currency) for currency in reconciliation.left_out}
    totals |= {total.currency: total for total in reconciliation.sums}
    return [
        {
            "currency": currency,
            "tied": total.tied,
            "mrr": total.mrr,
            "unexplained": total.unexplained,
            "left_out": reconciliation.left_out.get(currency, 0),
        }
        for currency, total in sorted(totals.items())
    ]


def _build_unattributed(
    workspace: Workspace, shares: Sequence[UnattributedShare]
) -> list[UnattributedRecords]:
    newest: dict[tuple[str, str | None], list[str]] = {}
    for row in list_newest_unattributed(workspace, shares, MAX_QUOTES):
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
        for share in shares
    ]


def _build_freshness(
    run: Mapping[str, Any] | None,
    cursors: Mapping[tuple[str, str], Any],
    titles: Mapping[str, str],
) -> list[Any]:
    return [
        StreamFreshness(
            source=titles.get(stream["source"], stream["source"]),
            stream=stream["stream"],
            status=stream["status"],
            fresh_until=cursors.get((stream["source"], stream["stream"])),
            records=stream["records"],
            rejected=stream["rejected"],
            error=stream["error"] or "",
        )
        for stream in (run["streams"] if run else ())
    ]

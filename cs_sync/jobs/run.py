"""The scheduled job, from the sources to the CRM and the report."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.health import INSUFFICIENT, build_score_row
from cs_sync.i18n.counts import count_noun
from cs_sync.jobs.alert import alert_after_run, alert_on_failure
from cs_sync.jobs.close_months import close_months
from cs_sync.jobs.deliver_report import deliver_report
from cs_sync.jobs.derive import derive_accounts_and_mrr
from cs_sync.jobs.follow_ups import DecidedFollowUps, decide_follow_ups, record_follow_ups
from cs_sync.jobs.metrics_file import RunFigures, measure_failure, write_metrics_file
from cs_sync.jobs.publish_figures import publish_figures
from cs_sync.jobs.pull_follow_up_status import pull_follow_up_status
from cs_sync.jobs.push import PushOptions, write_to_destinations
from cs_sync.jobs.sync import sync_in_run
from cs_sync.queries.check import find_exposed_files
from cs_sync.queries.day import DayView, refresh_day_view
from cs_sync.queries.figures import get_first_reported_month, query_figures
from cs_sync.queries.health_model import describe_model
from cs_sync.queries.kept_results import Refreshed
from cs_sync.queries.report import write_report
from cs_sync.queries.report_accounts import sum_current_risk
from cs_sync.queries.report_money import build_converter
from cs_sync.queries.score import AccountResult
from cs_sync.queries.unattributed import describe_unattributed
from cs_sync.queries.watch_list import build_watch_list
from cs_sync.queries.write_plan import format_plan_rows, preview_plans
from cs_sync.report.risk import RiskSum
from cs_sync.runtime.run_result import RunReport
from cs_sync.runtime.run_session import RunSession, record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_results import save_kept
from cs_sync.store.queries.stored_scores import build_stored_score, read_stored_days, save_scores
from cs_sync.store.schedule_slots import SlotClaim
from cs_sync.sync.gc_tuning import RUN_OBJECTS, raise_gc_threshold
from cs_sync.sync.windows import ReadRequest


def run_pipeline(
    workspace: Workspace,
    *,
    dry_run: bool = False,
    yes: bool = False,
    slot: SlotClaim | None = None,
) -> RunReport:
    """Sync, derive, score, plan, write and report; alert to what is wrong.

    Args:
        workspace: The workspace.
        dry_run: Stop before writing to the CRM.
        yes: Write even if unusually many accounts change.
        slot: The slot of a schedule that this run is for.

    Raises:
        SlotFinished: The slot was run to its end before.
    """
    if dry_run:
        return _run_steps(workspace, dry_run=True, yes=yes)
    with alert_on_failure(workspace), measure_failure(workspace):
        return _run_steps(workspace, dry_run=False, yes=yes, slot=slot)


@raise_gc_threshold(RUN_OBJECTS)
def _run_steps(
    workspace: Workspace, *, dry_run: bool, yes: bool, slot: SlotClaim | None = None
) -> RunReport:
    notes = [*find_exposed_files(workspace)]
    with record_run(workspace, "run --dry-run" if dry_run else "run", slot) as recorded:
        sync_in_run(recorded, ReadRequest(max_deletions=workspace.config.sync.max_deletions))
        derive_accounts_and_mrr(recorded)
        day = _score_and_store(recorded)
        follow_ups, plan = _write_to_crm(recorded, day, notes, dry_run=dry_run, yes=yes)
        if (update := follow_ups.kept) is not None:
            recorded.transact(partial(save_kept, update=update))
        close_months(
            recorded, since=get_first_reported_month(workspace.today), until=workspace.today
        )
        figures = query_figures(workspace)
        publish_figures(recorded, figures)
    notes += describe_unattributed(figures.unattributed)
    notes += describe_model(workspace)
    watch_list = build_watch_list(day, follow_ups)
    path, failures = None, list[str]()
    try:
        written = write_report(workspace, day, follow_ups, figures, [*recorded.messages, *notes])
        path = written.path
        failures += deliver_report(workspace, written)
    except ConfigError as error:
        is_left_out = isinstance(error.__context__, ImportError)  # the extra was not wanted
        (notes if is_left_out else failures).append(str(error))
    if not dry_run:
        risk = _sum_risk(workspace, day)
        failures += alert_after_run(recorded, risk)
        failures += write_metrics_file(workspace, RunFigures(recorded.summary(), day, risk))
    return RunReport(
        summary=recorded.summary(),
        kpis=[row.json() for row in figures.kpis],
        watch_list=watch_list,
        plan=plan,
        report_path=path,
        bands=day.band_counts,
        notes=[*notes, *failures],
        failures=failures,
        has_destination=bool(workspace.config.write_back.destinations),
    )


def _sum_risk(workspace: Workspace, day: DayView) -> RiskSum | None:
    """Sum the MRR at risk, if alerts or measures need it."""
    config = workspace.config
    if config.alerts.money_at_risk_above is None and config.metrics_file.path is None:
        return None
    return sum_current_risk(day, build_converter(workspace))


def _score_and_store(recorded: RunSession) -> DayView:
    workspace = recorded.workspace
    step = {"step": "health scores"}
    workspace.emit(Event("step_started", workspace.clock(), detail=step))
    with workspace.store.read() as connection:
        before = read_stored_days(connection, workspace.config.health.mode, workspace.today)
    stored = set[str]()

    def store_paying(on: date, results: Mapping[str, AccountResult]) -> None:
        # Whether others are customers is known of all together.
        paying = {id_: result for id_, result in results.items() if result.evidence.subscriptions}
        now = workspace.clock()
        rows = [_build_stored_row(id_, on, now, result) for id_, result in paying.items()]
        if rows:
            recorded.transact(partial(save_scores, rows=rows))
        stored.update(paying)

    refreshed = refresh_day_view(workspace, store_paying)
    day, now = refreshed.day, workspace.clock()
    stored.update(_list_stored(before, refreshed.scores))

    def save(connection: Connection) -> None:
        rows = (  # made one by one: those of all accounts would hold all contributions and reasons
            _build_stored_row(item.account["id"], day.day, now, item.result)
            for item in day.customers
            if item.account["id"] not in stored
        )
        save_scores(connection, rows)
        for update in refreshed.list_updates():
            save_kept(connection, update)

    recorded.transact(save)
    done = {**step, "message": _describe_scores(day)}
    workspace.emit(Event("step_ended", workspace.clock(), detail=done))
    return day


def _build_stored_row(
    account: str, day: date, now: datetime, result: AccountResult
) -> dict[str, Any]:
    row = build_score_row(account, None, day, result.score, result.reasons)
    return build_stored_score(account, day, now, row, result.score.model)


def _list_stored(
    before: Mapping[str, datetime], scores: Refreshed[AccountResult]
) -> Collection[str]:
    """List the accounts whose stored score is the kept one.

    Args:
        before: The accounts with a score that was stored before, and when it was.
        scores: The scores of the day.
    """
    if scores.known_at is None or max(before.values(), default=scores.known_at) < scores.known_at:
        return ()  # a command has computed some since, and stored none
    return before.keys() - scores.update.contents.keys()


def _describe_scores(day: DayView) -> str:
    counts = day.band_counts
    without = counts.pop(INSUFFICIENT, 0)
    return f"{count_noun(sum(counts.values()), 'customer')} scored, {without:,} without enough data"


def _write_to_crm(
    recorded: RunSession, day: DayView, notes: list[str], *, dry_run: bool, yes: bool
) -> tuple[DecidedFollowUps, list[dict[str, Any]]]:
    """Decide the follow-ups and write them.

    Without a destination they are only decided.
    """
    workspace = recorded.workspace
    opened = workspace.destinations()
    if not opened:
        notes.append("[write_back] names no destination, so nothing was written to a CRM")
        return decide_follow_ups(workspace, day, company=False), []
    if dry_run:
        notes.append("dry run: nothing was written to the CRM")
        decided = decide_follow_ups(workspace, day, opened)
        notes += decided.messages
        return decided, preview_plans(workspace, opened, day, decided)
    for name, destination in opened:
        pull_follow_up_status(recorded, name, destination)
    follow_ups = record_follow_ups(recorded, day, opened)
    notes += follow_ups.messages
    written = write_to_destinations(recorded, opened, day, follow_ups, PushOptions(yes))
    zone = workspace.config.workspace.timezone
    return follow_ups, [row for prepared in written for row in format_plan_rows(prepared, zone)]

"""The main job, from the sources to the CRM: what a schedule runs."""

from collections.abc import Sequence
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.jobs.check import english_only, readable_by_others
from cs_sync.jobs.derive import derive
from cs_sync.jobs.follow_ups import consider, keep
from cs_sync.jobs.observing import read_back
from cs_sync.jobs.planning import foreseen, plan_rows
from cs_sync.jobs.recording import Recorded, recorded_run
from cs_sync.jobs.report import newest_kpis, write_report
from cs_sync.jobs.score import Scored, score_all
from cs_sync.jobs.summary import RunReport
from cs_sync.jobs.sync import sync_into
from cs_sync.jobs.unattributed import unattributed_note, unattributed_shares
from cs_sync.jobs.watch_list import watch_list
from cs_sync.jobs.workspace import Workspace
from cs_sync.jobs.write_back import Wishes, write
from cs_sync.store.health import computed_row, save_scores
from cs_sync.sync.windows import Request


def run(workspace: Workspace, *, dry_run: bool = False, yes: bool = False) -> RunReport:
    """Sync, derive, score, plan, write, report; `dry_run` stops before the CRM is written to."""
    notes = [*readable_by_others(workspace), *english_only(workspace)]
    with recorded_run(workspace, "run --dry-run" if dry_run else "run") as recorded:
        sync_into(recorded, Request())
        derive(recorded)
        scored = _score(recorded)
        plan = _write(recorded, scored, notes, dry_run=dry_run, yes=yes)
    notes += unattributed_note(unattributed_shares(workspace))
    kpis = newest_kpis(workspace)
    customers = [one for one in scored if one.is_customer]
    path = None
    try:
        path = write_report(workspace, scored, kpis, [*recorded.messages, *notes])
    except ConfigError as error:
        notes.append(str(error))
    return RunReport(
        summary=recorded.summary(),
        kpis=kpis,
        watch_list=watch_list(workspace, customers),
        plan=plan,
        report_path=path,
        notes=notes,
    )


def _score(recorded: Recorded) -> list[Scored]:
    workspace, day = recorded.workspace, recorded.workspace.today
    step = {"step": "health scores"}
    workspace.emit(Event("step_started", workspace.clock(), detail=step))
    scored = score_all(workspace, day)
    rows = [
        computed_row(one.account["id"], day, workspace.clock(), one.row(day), one.score.model)
        for one in scored
        if one.is_customer
    ]
    workspace.store.transact(lambda connection: save_scores(connection, rows))
    done = {**step, "message": f"{len(rows)} customers scored"}
    workspace.emit(Event("step_ended", workspace.clock(), detail=done))
    return scored


def _write(
    recorded: Recorded,
    scored: Sequence[Scored],
    notes: list[str],
    *,
    dry_run: bool,
    yes: bool,
) -> list[dict[str, Any]]:
    workspace = recorded.workspace
    opened = workspace.destinations()
    if not opened:
        notes.append("[write_back] names no destination, so nothing was written to a CRM")
        return []
    if dry_run:
        notes.append("dry run: nothing was written to the CRM")
        found = consider(workspace, scored)
        notes += found.said
        return foreseen(workspace, opened, scored, found)
    for name, destination in opened:
        read_back(recorded, name, destination)
    follow_ups = keep(recorded, scored)
    notes += follow_ups.said
    written = write(recorded, opened, scored, follow_ups, Wishes(yes))
    return [row for prepared in written for row in plan_rows(prepared)]

"""One run of one workspace, in a process with no other workspace's secrets."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from cs_sync.contracts.errors import CsSyncError, LeaseHeld
from cs_sync.workers.due_times import Schedule
from cs_sync.workers.environment import build_environment, read_env_file, use_environment

if TYPE_CHECKING:  # the worker itself loads nothing of what a run needs
    from cs_sync.config import Config
    from cs_sync.plugins import PluginRegistry
    from cs_sync.runtime.workspace import Workspace

HELD, AWAY, INTERRUPTED, FAILED = "held", "away", "interrupted", "failed"
"""Ends of a run that is to be tried again: another run holds the workspace, the database is away,
it was stopped; and the end of one that failed."""
LONGEST_MESSAGE = 500


class RunRequest(Struct, frozen=True):
    """What a run's process is told."""

    name: str
    config: str
    env_file: str | None
    slot: datetime
    holder: str
    database: str
    """The URL of the workers' database, for the budgets."""


class RunOutcome(Struct, frozen=True):
    """What came of a run; the schedule as its configuration has it now, if it could be read."""

    status: str
    message: str = ""
    schedule: Schedule | None = None


def serve_run(request: RunRequest, answers: "connection.Connection[RunOutcome, None]") -> None:
    """Run a workspace in this process and send what came of it."""
    _end_with_parent()
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to handle
    # The interrupted code may hold the event's own lock, so another thread has to set it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop.set).start())
    outcome = run_workspace(request, stop)
    with suppress(BrokenPipeError):  # the worker died just now: another one does the run again
        answers.send(outcome)


def run_workspace(request: RunRequest, stop: threading.Event) -> RunOutcome:
    """Run a workspace's job for a slot.

    Args:
        request: The workspace and the slot.
        stop: Set when the run is to stop.
    """
    from cs_sync.config import load_config
    from cs_sync.workers.preload import PLUGINS

    schedule = None
    try:
        own = read_env_file(Path(request.env_file) if request.env_file else None)
        with use_environment(build_environment(os.environ, own)):
            config = load_config(request.config, PLUGINS)
            schedule = get_schedule(request.name, config)
            status, message = _run_slot(request, config, PLUGINS, stop)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other workspaces go on
        status, message = _judge_error(error)
    return RunOutcome(status, " ".join(message.split())[:LONGEST_MESSAGE], schedule)


def get_schedule(name: str, config: "Config") -> Schedule | None:
    """Return the schedule of a configuration; None without a cron."""
    settings = config.schedule
    if settings.cron is None:
        return None
    return Schedule(name, settings.cron, str(config.workspace.timezone), settings.jitter)


def _run_slot(
    request: RunRequest, config: "Config", plugins: "PluginRegistry", stop: threading.Event
) -> tuple[str, str]:
    """Run the job; return its status and what its summary says."""
    from cs_sync.jobs.alert import alert_unopened
    from cs_sync.jobs.run import run_pipeline
    from cs_sync.jobs.schedule import JOB
    from cs_sync.runtime.workspace import open_workspace
    from cs_sync.store.schedule_slots import SlotClaim

    opened = False
    try:
        with open_workspace(config, plugins) as workspace:
            opened = True
            workspace.stop = stop
            close = _share_budgets(workspace, request.database)
            try:
                slot = SlotClaim(JOB, request.slot, request.holder)
                report = run_pipeline(workspace, slot=slot)
            finally:
                close()
    except CsSyncError as error:
        if not opened:
            alert_unopened(config, error)
        raise
    summary = report.summary
    messages = [summary.message] if summary.status != "ok" else []
    return summary.status, "; ".join([*messages, *report.failures])


def _share_budgets(workspace: "Workspace", database: str) -> Callable[[], None]:
    """Let the workspace's credentials share their budgets; return how to close."""
    from cs_sync.http.shared_rate_limiter import SharedRateLimiter
    from cs_sync.store.control.budgets import BudgetRows
    from cs_sync.store.control.open import open_control

    control = open_control(database)
    control.patience = workspace.store.patience
    workspace.share_budget = lambda credential: partial(
        SharedRateLimiter, BudgetRows(control, credential)
    )
    return control.close


def _judge_error(error: Exception) -> tuple[str, str]:
    """Return the status and the message of a run that raised."""
    from cs_sync.store.reconnect import ConnectionLost
    from cs_sync.store.schedule_slots import SlotFinished
    from cs_sync.sync.session import Interrupted

    if isinstance(error, SlotFinished):
        return error.status, ""
    for kind, status in ((LeaseHeld, HELD), (ConnectionLost, AWAY), (Interrupted, INTERRUPTED)):
        if isinstance(error, kind):
            return status, str(error)
    known = isinstance(error, CsSyncError)
    return FAILED, str(error) if known else f"unexpected {type(error).__name__}: {error}"


def _end_with_parent() -> None:
    """End this process as soon as its worker is dead."""
    parent = parent_process()
    if parent is not None:

        def watch() -> None:
            connection.wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=watch, name="parent", daemon=True).start()

"""The health check: what is well, and an alert when no run comes."""

from pathlib import Path
from typing import Any

from cs_sync.alerts.causes import judge_silence
from cs_sync.config import load_config
from cs_sync.contracts.errors import CsSyncError
from cs_sync.jobs.alert import send_alerts
from cs_sync.plugins import PluginRegistry
from cs_sync.queries.healthcheck import build_health_row, list_health_rows
from cs_sync.runtime.workspace import Workspace, open_existing_workspace
from cs_sync.store.migrate import read_revision
from cs_sync.store.runs import read_last_successes
from cs_sync_schemas.migrations import HEAD


def run_healthcheck(path: Path, plugins: PluginRegistry) -> list[dict[str, Any]]:
    """Check a workspace; alert when no run ended for too long.

    Args:
        path: The configuration file.
        plugins: The loaded plugins.

    Returns:
        Rows of check, ok, message, since; also for what cannot be opened.
    """
    try:
        config = load_config(path, plugins)
    except CsSyncError as error:
        return [build_health_row("configuration", _join_lines(error), ok=False)]
    try:
        with open_existing_workspace(config, plugins) as workspace:
            notes = _alert_when_overdue(workspace)
            rows = list_health_rows(workspace)
    except CsSyncError as error:
        return [build_health_row("database", _join_lines(error), ok=False)]
    failed = [build_health_row("alerts", note, ok=False) for note in notes]
    return [*(row for row in rows if not failed or row["check"] != "alerts"), *failed]


def _alert_when_overdue(workspace: Workspace) -> list[str]:
    """Send what is overdue, and alerts that could not be sent before."""
    with workspace.store.read() as connection:
        if read_revision(connection) != HEAD:
            return []
        ended = read_last_successes(connection).ended
    allowed = workspace.config.alerts.overdue_after
    notes = send_alerts(workspace, judge_silence(ended, workspace.clock(), allowed))
    return [" ".join(note.removeprefix("alert: ").split()) for note in notes]


def _join_lines(error: CsSyncError) -> str:
    return " ".join(str(error).split())

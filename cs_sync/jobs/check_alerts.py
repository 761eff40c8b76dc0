"""The check of alerts: each channel, the schedule beside `overdue_after`, the metrics file."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from cs_sync.config.alerts import split_command
from cs_sync.config.cron import find_next_slot
from cs_sync.contracts.errors import CsSyncError
from cs_sync.jobs.alert import send_test_alert
from cs_sync.runtime.workspace import Workspace

COMPARED_SLOTS = 60
"""Slots of the schedule that are compared: of a daily one, two months."""


def check_alerts(workspace: Workspace, *, send: bool) -> list[dict[str, Any]]:
    """Check what alerts and measures rest on.

    Args:
        workspace: The workspace.
        send: Send a test alert on each channel.

    Returns:
        Rows of `cs-sync check`.
    """
    channels = workspace.config.alerts.channels
    rows = [_check_channel(workspace, channel, send=send) for channel in channels]
    return [*rows, *_check_schedule(workspace), *_check_metrics_file(workspace)]


def _build_row(subject: str, message: str, remedy: str = "") -> dict[str, Any]:
    """Build a row; one with a remedy is a failure."""
    return {
        "source": "alerts",
        "stream": subject,
        "ok": not remedy,
        "message": message,
        "remedy": remedy,
    }


def _check_channel(workspace: Workspace, channel: str, *, send: bool) -> dict[str, Any]:
    try:
        if send:
            send_test_alert(workspace, channel)
            return _build_row(channel, "a test alert was sent")
        if channel == "webhook" and workspace.config.alerts.webhook:
            workspace.config.read_secret(workspace.config.alerts.webhook, "alerts.webhook")
    except CsSyncError as error:
        return _build_row(channel, error.message, error.remedy or "see docs/alerts.md")
    if channel == "command":
        program = split_command(workspace.config.alerts.command or "")[0]
        if shutil.which(program, path=os.environ.get("PATH")) is None:
            remedy = "install it, or write its whole path into [alerts] command"
            return _build_row(channel, f"{program} is not a program of this machine", remedy)
    return _build_row(channel, "configured; --send-alerts sends a test")


def _check_schedule(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """Yield a failure if runs are further apart than `overdue_after` allows."""
    config = workspace.config
    if config.schedule.cron is None:
        return
    slots, zone = [workspace.clock()], config.workspace.timezone
    for _ in range(COMPARED_SLOTS):
        slots.append(find_next_slot(config.schedule.cron, zone, slots[-1]))
    longest = max(later - earlier for earlier, later in pairwise(slots[1:]))
    if longest >= config.alerts.overdue_after:
        hours = f"{longest / timedelta(hours=1):g}h"
        remedy = f"set [alerts] overdue_after to more than {hours}"
        yield _build_row("overdue_after", f"the schedule has {hours} between two runs", remedy)


def _check_metrics_file(workspace: Workspace) -> Iterator[dict[str, Any]]:
    given = workspace.config.metrics_file.path
    if given is None:
        return
    folder = (workspace.config.folder / given).parent
    if os.access(folder, os.W_OK):
        yield _build_row("metrics_file", f"will be written to {folder}")
    else:
        remedy = "create it, or make it writable for this user"
        yield _build_row("metrics_file", f"{folder} cannot be written to", remedy)

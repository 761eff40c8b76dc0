"""Delivery of a run's report: dated copies, an e-mail, and destinations that send it on."""

import os
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from cs_sync.config.email import EmailSettings
from cs_sync.contracts.destination import ReportMessage, SupportsReport
from cs_sync.contracts.errors import ConfigError, CsSyncError, VendorError
from cs_sync.jobs.mail import build_mail, send_mail
from cs_sync.queries.report import WrittenReport, list_report_copies
from cs_sync.report import ReportSummary
from cs_sync.runtime.workspace import Workspace


def deliver_report(workspace: Workspace, written: WrittenReport) -> list[str]:
    """Keep a dated copy of a report, and send it as configured.

    Returns:
        A note per failure; a report that cannot be delivered fails no run.
    """
    return [
        *_keep_copy(workspace, written.path),
        *_send_by_email(workspace, written),
        *_send_to_destinations(workspace, written),
    ]


def _keep_copy(workspace: Workspace, path: Path) -> Iterator[str]:
    """Copy the report under its date, and delete the oldest copies."""
    settings = workspace.config.report
    if not settings.keep:
        return
    folder = workspace.config.report_folder
    copy = folder / f"{path.stem}_{workspace.today}{path.suffix}"
    draft = copy.with_suffix(".part")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600 if settings.copy_to is None else 0o666)
        draft.write_bytes(path.read_bytes())
        os.replace(draft, copy)
        for old in list_report_copies(workspace)[: -settings.keep]:
            old.unlink()
    except OSError as error:
        yield (
            f"report: no copy could be kept in {folder}: {error.strerror}"
            "\n  → make the folder writable, or set another [report] copy_to"
        )


def _send_by_email(workspace: Workspace, written: WrittenReport) -> Iterator[str]:
    settings = workspace.config.report.email
    if settings is None:
        return
    message = build_message(settings, written.summary, written.path, workspace.clock())
    try:
        send_mail(workspace.config, "report.email", settings, message)
    except CsSyncError as error:
        yield f"report: not sent by e-mail, {error}"


def _send_to_destinations(workspace: Workspace, written: WrittenReport) -> Iterator[str]:
    names = workspace.config.report.send_to
    if not names:
        return
    report = ReportMessage(
        workspace.config.workspace.name,
        written.summary.subject,
        written.summary.sentences,
        written.path.name,
        written.path.read_text(encoding="utf-8"),
        workspace.clock(),
    )
    for name in names:
        try:
            destination = workspace.open_destination(name)
            if isinstance(destination, SupportsReport):
                destination.send_report(report)
        except (ConfigError, VendorError) as error:
            yield f"report: not sent to {name}: {error}"


def build_message(
    settings: EmailSettings, summary: ReportSummary, report: Path, now: datetime
) -> EmailMessage:
    """Build the e-mail: the summary as its text, the report attached."""
    message = build_mail(settings, summary.subject, "\n\n".join(summary.sentences), now)
    message.add_attachment(
        report.read_bytes(),
        maintype="text",
        subtype="html",
        filename=report.name,
        params={"charset": "utf-8"},
    )
    return message

"""Delivery of a run's report: dated copies, an e-mail, and destinations that send it on."""

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from cs_sync.config.model import EmailSettings
from cs_sync.contracts.destination import ReportMessage, SupportsReport
from cs_sync.contracts.errors import ConfigError, VendorError
from cs_sync.queries.report import WrittenReport, list_report_copies
from cs_sync.report import ReportSummary
from cs_sync.runtime.workspace import Workspace

TIMEOUT = 30.0
"""Seconds to wait for the mail server's answers."""


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
        _send(settings, message)
    except (OSError, smtplib.SMTPException) as error:
        yield (
            f"report: not sent by e-mail, {settings.host}:{settings.port} says:"
            f" {_describe_error(error)}\n  → compare [report.email] with what the server expects"
        )


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
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    message["Subject"], message["Date"] = summary.subject, format_datetime(now)
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(summary.sentences) + "\n")
    message.add_attachment(
        report.read_bytes(),
        maintype="text",
        subtype="html",
        filename=report.name,
        params={"charset": "utf-8"},
    )
    return message


def _send(settings: EmailSettings, message: EmailMessage) -> None:
    safe = ssl.create_default_context()
    if settings.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=TIMEOUT, context=safe
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT)
    try:
        if settings.security == "starttls":
            server.starttls(context=safe)
        if settings.user is not None and settings.password is not None:
            server.login(settings.user, settings.password.get_secret_value())
        server.send_message(message)
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()


def _describe_error(error: Exception) -> str:
    """Return what the server or the system says, in one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        message = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        return " ".join(f"{error.smtp_code} {message}".split())
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"the recipients {', '.join(error.recipients)} are refused"
    return " ".join(str(error).split()) or type(error).__name__

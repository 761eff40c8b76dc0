"""E-mails: the report of a run, and alerts."""

import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from cs_sync.config import Config
from cs_sync.config.email import EmailSettings
from cs_sync.contracts.errors import CsSyncError

TIMEOUT = 30.0
"""Seconds to wait for the mail server's answers."""


def build_mail(settings: EmailSettings, subject: str, text: str, now: datetime) -> EmailMessage:
    """Build an e-mail of plain text.

    Args:
        settings: From whom to whom.
        subject: Its subject; line breaks become blanks.
        text: Its text.
        now: Its date.
    """
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    message["Subject"], message["Date"] = " ".join(subject.split()), format_datetime(now)
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{text}\n")
    return message


def send_mail(config: Config, key: str, settings: EmailSettings, message: EmailMessage) -> None:
    """Send an e-mail.

    Args:
        config: The configuration, where the password is looked up.
        key: The section of the settings, for messages.
        settings: The server.
        message: The e-mail.

    Raises:
        CsSyncError: The password cannot be looked up, or the server refuses.
    """
    secret = settings.password
    password = None if secret is None else config.read_secret(secret, f"{key}.password")
    try:
        _send(settings, password, message)
    except (OSError, smtplib.SMTPException) as error:
        raise CsSyncError(
            f"{settings.host}:{settings.port} says: {_describe_error(error)}",
            f"compare [{key}] with what the server expects",
        ) from None


def _send(settings: EmailSettings, password: str | None, message: EmailMessage) -> None:
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
        if settings.user is not None and password is not None:
            server.login(settings.user, password)
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

"""The channels of alerts: a command, a webhook, an e-mail."""

import os
import subprocess
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from cs_sync.alerts.messages import AlertMessage, format_json, format_slack, format_teams
from cs_sync.config import Config
from cs_sync.config.alerts import check_webhook_address, choose_webhook_form, split_command
from cs_sync.contracts.errors import ConfigError, CsSyncError
from cs_sync.contracts.http import is_loopback
from cs_sync.jobs.mail import build_mail, send_mail
from cs_sync.runtime.workspace import utc_now

TIMEOUT = 10.0
"""Seconds to wait for a webhook."""
COMMAND_TIMEOUT = 60.0
ATTEMPTS = 3
FORMS: Mapping[str, Callable[[AlertMessage], dict[str, Any]]] = {
    "slack": format_slack,
    "teams": format_teams,
    "json": format_json,
}


class _Passing(CsSyncError):
    """A failure that may pass within seconds."""


def send_alert(config: Config, channel: str, message: AlertMessage) -> None:
    """Send a message on one channel.

    Args:
        config: The configuration.
        channel: command, webhook or email.
        message: The message.

    Raises:
        CsSyncError: It did not arrive; its text holds no secret.
    """
    send: Mapping[str, Callable[[Config, AlertMessage], None]] = {
        "command": _run_command,
        "webhook": _post_to_webhook,
        "email": _send_email,
    }
    send[channel](config, message)


def _run_command(config: Config, message: AlertMessage) -> None:
    """Run the command with the text on its standard input.

    There is no shell.
    """
    words = split_command(config.alerts.command or "")
    remedy = (
        "try it by hand; [alerts] command is split into words as a shell does, and run without one"
    )
    try:
        done = subprocess.run(  # noqa: S603 - the command of the configuration
            words,
            input=f"{message.text}\n",
            env={**os.environ, "CS_SYNC_ALERT_SUBJECT": message.subject},
            cwd=config.folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except OSError as error:
        raise CsSyncError(f"{words[0]} cannot be run: {error.strerror}", remedy) from None
    except subprocess.TimeoutExpired:
        what = f"{words[0]} was stopped after {COMMAND_TIMEOUT:.0f} seconds"
        raise CsSyncError(what, "let it end by itself") from None
    if done.returncode:
        first = next(iter(done.stderr.splitlines()), "no message")
        raise CsSyncError(f"{words[0]} ended with {done.returncode}: {first}", remedy)


def _post_to_webhook(config: Config, message: AlertMessage) -> None:
    settings = config.alerts
    if settings.webhook is None:
        return
    url = config.read_secret(settings.webhook, "alerts.webhook").strip()
    try:
        check_webhook_address(url)
    except ValueError as error:
        remedy = "copy the whole address of the webhook"
        raise ConfigError(f"{config.path.name}: alerts.webhook: {error}", remedy) from None
    content = FORMS[choose_webhook_form(url, settings.webhook_form)](message)
    again = retry_if_exception_type(_Passing)
    stop, wait = stop_after_attempt(ATTEMPTS), wait_exponential(max=TIMEOUT)
    for attempt in Retrying(retry=again, stop=stop, wait=wait, reraise=True):
        with attempt:
            _post(url, content)


def _post(url: str, content: dict[str, Any]) -> None:
    """Post JSON.

    The address is a secret, so errors name the host only.
    """
    import httpx

    host = urlsplit(url).hostname or ""
    try:
        with (
            httpx.Client(timeout=TIMEOUT, trust_env=not is_loopback(host)) as client,
            client.stream("POST", url, json=content) as answer,
        ):
            status = answer.status_code
    except httpx.TransportError as error:
        what = f"{host} cannot be reached ({type(error).__name__})"
        raise _Passing(what, "check the network and [alerts] webhook") from None
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _Passing(f"{host} answered {status}", "the next run sends it again")
    if not httpx.codes.is_success(status):
        remedy = "create the webhook again and correct [alerts] webhook, or its webhook_form"
        raise CsSyncError(f"{host} answered {status}", remedy)


def _send_email(config: Config, message: AlertMessage) -> None:
    settings = config.alerts.email
    if settings is not None:
        mail = build_mail(settings, message.subject, message.text, utc_now())
        send_mail(config, "alerts.email", settings, mail)

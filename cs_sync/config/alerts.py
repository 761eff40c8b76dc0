"""The sections `[alerts]` and `[metrics_file]`: who learns of failures, and what is measured."""

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator

from cs_sync.config.email import EmailSettings
from cs_sync.config.secrets import is_own_reference
from cs_sync.contracts.http import is_loopback
from cs_sync.follow_ups.settings import Duration
from cs_sync.settings import Settings

WebhookForm = Literal["slack", "teams", "json"]
_TEAMS_HOSTS = (".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com")


class AlertSettings(Settings):
    """Alerts: how they are sent, and from what on."""

    model_config = ConfigDict(hide_input_in_errors=True)

    command: str | None = Field(
        default=None,
        examples=["mail -s cs-sync ops@example.com"],
        description="A program that reads the alert's text from its standard input.",
    )
    webhook: SecretStr | None = Field(
        default=None,
        examples=["env:ALERT_URL"],
        description="The address of an incoming webhook of Slack, Teams or your own.",
    )
    webhook_form: WebhookForm | None = Field(
        default=None,
        examples=["slack"],
        description="slack, teams or json; by default teams for its addresses, else slack.",
    )
    overdue_after: Duration = Field(
        default=timedelta(hours=26),
        description="`cs-sync healthcheck` fails and alerts when no run has ended for this long.",
    )
    money_at_risk_above: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        examples=[10000],
        description="Alert when the MRR at risk is higher, in units of the reporting currency.",
    )
    email: EmailSettings | None = Field(default=None, exclude=True)

    @field_validator("command")
    @classmethod
    def _can_be_split(cls, command: str | None) -> str | None:
        if command is not None and not split_command(command):
            raise ValueError("names no program; write it like /usr/local/bin/notify")
        return command

    @field_validator("overdue_after")
    @classmethod
    def _takes_time(cls, overdue_after: timedelta) -> timedelta:
        if not overdue_after:
            raise ValueError('must be above zero; write it like "26h"')
        return overdue_after

    @field_validator("webhook")
    @classmethod
    def _safe_address(cls, webhook: SecretStr | None) -> SecretStr | None:
        if webhook is not None and not is_own_reference(webhook.get_secret_value()):
            check_webhook_address(webhook.get_secret_value())
        return webhook

    @property
    def channels(self) -> tuple[str, ...]:
        """The configured ways to send alerts."""
        given = (self.command, self.webhook, self.email)
        names = ("command", "webhook", "email")
        return tuple(name for name, value in zip(names, given, strict=True) if value is not None)


class MetricsFileSettings(Settings):
    """The file with what a run measured, for Prometheus."""

    path: Path | None = Field(
        default=None,
        examples=["/var/lib/node_exporter/textfile_collector/cs_sync.prom"],
        description="Replaced by each run, for the textfile collector of node_exporter.",
    )

    @field_validator("path")
    @classmethod
    def _is_collected(cls, path: Path | None) -> Path | None:
        if path is not None and path.suffix != ".prom":
            raise ValueError("node_exporter reads *.prom only; end the name with .prom")
        return path


def split_command(command: str) -> list[str]:
    """Split a command line as a shell does.

    No shell runs it.

    Raises:
        ValueError: A quotation mark is not closed.
    """
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ValueError(f"cannot be split into words ({error}); close the quotes") from None


def check_webhook_address(url: str) -> None:
    """Raise ValueError unless an address is https.

    Plain http is allowed on this machine.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError("is not an address; write it as https://HOST/…") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("is not an https:// address; copy the whole address of the webhook")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://; plain http is for this machine only")


def choose_webhook_form(url: str, form: WebhookForm | None) -> WebhookForm:
    """Return the form of a webhook: as configured, else by its host."""
    if form is not None:
        return form
    return "teams" if f".{urlsplit(url).hostname}".endswith(_TEAMS_HOSTS) else "slack"

"""The sections of `cs_sync.toml`, each a frozen model with its defaults."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    SkipValidation,
    field_validator,
    model_validator,
)

from cs_sync.config.alerts import AlertSettings, MetricsFileSettings
from cs_sync.config.connectors import ConnectorSettings
from cs_sync.config.cron import validate_cron
from cs_sync.config.database_url import validate_database_url
from cs_sync.config.email import EmailSettings
from cs_sync.config.secrets import SecretResolver, is_own_reference
from cs_sync.follow_ups.settings import Duration, FollowUpSettings, PlaybookSettings
from cs_sync.foresight.settings import ForesightSettings
from cs_sync.i18n import Language
from cs_sync.identity.domains import DomainRules, normalise_domain
from cs_sync.settings import Settings
from cs_sync_schemas.money import Currency

if TYPE_CHECKING:  # its signals are statements: what shows no score starts without them
    from cs_sync.health.model import HealthConfig


class DatabaseSettings(Settings):
    """The database connection."""

    url: SecretStr = Field(
        default=SecretStr("sqlite:///cs_sync.db"),
        description="A SQLite file beside this one, or postgresql+psycopg://user@host/name.",
    )
    schema_name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")] | None = Field(
        default=None, alias="schema", description="PostgreSQL schema of this workspace."
    )
    keep_raw: bool = Field(default=False, description="Also keep every record as received.")

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: SecretStr) -> SecretStr:
        validate_database_url(url.get_secret_value())
        return url

    @model_validator(mode="after")
    def _schema_of_a_server(self) -> Self:
        if self.schema_name and self.url.get_secret_value().startswith("sqlite"):
            raise ValueError("schema is for PostgreSQL; remove it, SQLite has one file a workspace")
        return self


class WorkspaceSettings(Settings):
    """The workspace: name, reporting zone, currency and language."""

    name: Annotated[str, Field(min_length=1)] = "workspace"
    timezone: ZoneInfo = Field(default=ZoneInfo("UTC"), description="Reporting zone.")
    currency: Currency = Field(default="EUR", description="Reporting currency, ISO 4217.")
    language: Language = Field(
        default="en", description="Language of texts for people: en pl ro th zh-Hans zh-Hant."
    )


class IdentitySettings(Settings):
    """Rules for matching sources' records to accounts."""

    shared_domains: tuple[str, ...] = Field(
        default=(),
        description="Domains, with subdomains, that belong to no company: relays, shared mailboxes."
        " Free mail, mail relays and disposable mail are known.",
    )
    company_domains: tuple[str, ...] = Field(
        default=(), description="Domains that are a company after all, although a list has them."
    )

    @field_validator("shared_domains", "company_domains")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        for text in domains:
            if normalise_domain(text) is None:
                raise ValueError(f'"{text}" is not a domain; write it like "relay.example"')
        return domains

    @property
    def rules(self) -> DomainRules:
        """The domain rules of identity resolution."""
        return DomainRules.of(self.shared_domains, self.company_domains)


class MetricsSettings(Settings):
    """Definitions for metrics, above all of MRR."""

    policy: str = Field(
        default="default",
        description="default, stripe, chartmogul, profitwell, baremetrics or recurly.",
    )
    policy_overrides: Mapping[str, Any] = Field(
        default_factory=dict, description="Single switches of that policy, set differently."
    )
    switch_within: Annotated[Duration, Field(ge=timedelta())] | None = Field(
        default=None,
        examples=["1d"],
        description="Cancelled and subscribed again within it: a change of plan, not churn.",
    )
    gross_margin: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        examples=[0.8],
        description="Share of revenue left after costs, for lifetime value; none: by your costs.",
    )
    active_features: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        examples=[["report exported", "invite sent"]],
        description="Features or events by which people and accounts are active; empty: any use.",
    )
    settings: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict,
        description="Settings of a metric: [metrics.settings.nps] window_days = 30.",
    )


class WriteBackSettings(Settings):
    """Destinations of scores and follow-ups."""

    destination: str | tuple[str, ...] | None = Field(
        default=None, description="A connector that writes, or a list of several."
    )
    owned_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] = Field(
        default="cs_", description="Only fields with this prefix are ever written."
    )
    max_change: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.2,
        description="Refuse a plan that touches more than this share of accounts, unless --yes.",
    )

    @field_validator("destination", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        names = value if isinstance(value, list | tuple) else [value]
        if value is not None and not (names and all(isinstance(name, str) for name in names)):
            raise ValueError('write the name of a connector, or a list like ["hubspot", "webhook"]')
        return value

    @property
    def destinations(self) -> tuple[str, ...]:
        """The connectors to write to, without duplicates, in the given order."""
        configured = (self.destination,) if isinstance(self.destination, str) else self.destination
        return tuple(dict.fromkeys(configured or ()))


class SyncSettings(Settings):
    """Reading of the sources."""

    max_deletions: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Soft-delete no more than this share of a stream's records (above 20 of them),"
        " unless `sync --allow-deletions`.",
    )


class ScheduleSettings(Settings):
    """Schedule of `cs-sync schedule`."""

    cron: str | None = Field(
        default=None, description="Minute, hour, day, month, weekday; in the reporting zone."
    )
    jitter: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=60,
        description="Start up to so many seconds late, to spread the load.",
    )

    @field_validator("cron")
    @classmethod
    def _well_formed(cls, cron: str | None) -> str | None:
        return None if cron is None else validate_cron(cron)


class ReportSettings(Settings):
    """The report of a run."""

    copy_to: Path | None = Field(
        default=None,
        examples=["/srv/reports"],
        description="Folder of the dated copies; beside this file they are in cs_sync_reports.",
    )
    keep: int = Field(default=30, ge=0, description="Number of dated copies to keep; 0 makes none.")

    segment: str | None = Field(
        default=None,
        examples=["industry"],
        description="Attribute that segments the accounts; by default the first of segment, tier,"
        " industry, size, region, country that any account has.",
    )
    send_to: tuple[str, ...] = Field(
        default=(),
        examples=[["webhook"]],
        description="Connectors that deliver the report and its summary.",
    )
    email: EmailSettings | None = Field(default=None, exclude=True)


class Config(BaseModel):
    """One workspace's valid configuration.

    `connectors` maps names to settings, in the file's order; the first access to an entry
    resolves its secrets and raises ConfigError if one is missing.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    path: Path
    database: DatabaseSettings = DatabaseSettings()
    workspace: WorkspaceSettings = WorkspaceSettings()
    connectors: SkipValidation[ConnectorSettings]
    identity: IdentitySettings = IdentitySettings()
    metrics: MetricsSettings = MetricsSettings()
    health_table: SkipValidation[Any] = None
    """The validated `[health]` table; None without one."""
    foresight: ForesightSettings = ForesightSettings()
    playbooks: SkipValidation[Mapping[str, PlaybookSettings]] = Field(default_factory=dict)
    follow_ups: FollowUpSettings = FollowUpSettings()
    write_back: WriteBackSettings = WriteBackSettings()
    sync: SyncSettings = SyncSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    report: ReportSettings = ReportSettings()
    alerts: AlertSettings = AlertSettings()
    metrics_file: MetricsFileSettings = MetricsFileSettings()
    secrets: SkipValidation[SecretResolver]

    def read_secret(self, secret: SecretStr, key: str) -> str:
        """Look up the value of a secret that is needed now.

        Args:
            secret: The value of the file, or a reference to it.
            key: Its key, for messages.

        Raises:
            ConfigError: The reference leads to nothing.
        """
        value: str = self.secrets.resolve(secret.get_secret_value(), f"{self.path.name}: {key}")
        return value

    @property
    def holds_secrets(self) -> bool:
        """Whether the file itself holds a secret.

        The database's URL does not count.
        """
        emails = (self.report.email, self.alerts.email)
        given = [self.alerts.webhook, *(email.password for email in emails if email)]
        plain = [
            secret for secret in given if secret and not is_own_reference(secret.get_secret_value())
        ]
        return bool(plain or self.connectors.find_plain_secrets())

    @cached_property
    def health(self) -> "HealthConfig":
        """The health model: that of the file, or the default one."""
        from cs_sync.health.model import HealthConfig

        given: HealthConfig | None = self.health_table
        return given or HealthConfig()

    @property
    def report_folder(self) -> Path:
        """The folder of the reports' dated copies."""
        return self.folder / (self.report.copy_to or "cs_sync_reports")

    @property
    def folder(self) -> Path:
        """The file's folder, the base of its relative paths."""
        return self.path.parent

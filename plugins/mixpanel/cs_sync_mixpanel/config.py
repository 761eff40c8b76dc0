"""Settings of `[connectors.mixpanel]`."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, SecretStr

from cs_sync import ConnectorConfig, Limit

LIMITS = (
    Limit(requests=3, seconds=1, path=r"/export$"),
    Limit(requests=60, seconds=3600, path=r"/export$"),
    Limit(requests=60, seconds=3600, path=r"/engage$"),
)
"""Per project: the export and the queries have a quota of their own each."""

QUERY_HOSTS = {
    "https://data.mixpanel.com": "https://mixpanel.com",
    "https://data-eu.mixpanel.com": "https://eu.mixpanel.com",
    "https://data-in.mixpanel.com": "https://in.mixpanel.com",
}

DEFAULT_IGNORED_EVENTS = ("$create_alias", "$identify", "$merge")
"""Events that tell who somebody is."""


class MixpanelConfig(ConnectorConfig):
    """The project to read, how far back, and which property is the account."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(
        default="https://data.mixpanel.com",
        description="https://data.mixpanel.com, https://data-eu.mixpanel.com (data in the EU) or"
        " https://data-in.mixpanel.com (India).",
    )
    username: str = Field(description="User name of a service account.")
    secret: SecretStr = Field(description="The service account's secret.")
    project_id: int = Field(ge=1, description="The number in Project Settings.")
    account_property: str = Field(
        default="company_id",
        pattern=r'^[^"\\]+$',
        description="Event property with your id of the account: the group key.",
    )
    account_group_id: str | None = Field(
        default=None,
        description="data_group_id of the accounts' profiles, with Group Analytics; without it"
        " accounts are known by id only.",
    )
    persons: bool = Field(
        default=True, description="Read user profiles, 60,000 an hour; false leaves them out."
    )
    project_timezone: ZoneInfo = Field(
        default=ZoneInfo("UTC"),
        description="The project's zone if it was created before 2023: its export counts in it.",
    )
    backfill_days: int = Field(default=365, ge=1, description="How far the first read goes back.")
    trailing_days: int = Field(
        default=7, ge=1, description="Days counted again in every run, for events that come late."
    )
    late_days: int = Field(
        default=90, ge=0, description="Days counted again once a week, for events later still."
    )
    days_per_request: int = Field(
        default=7, ge=1, description="Days of one export, of which 60 an hour are allowed."
    )
    ignored_events: tuple[str, ...] = Field(
        default=DEFAULT_IGNORED_EVENTS, description="Events that are not usage."
    )
    person_features: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="Events counted by person, beside [metrics] active_features.",
    )

    @property
    def features_by_person(self) -> tuple[str, ...]:
        """The features whose use is counted by person."""
        return (*self.workspace.active_features, *self.person_features)

    @property
    def query_url(self) -> str:
        """Where profiles are asked for."""
        base = self.base_url.rstrip("/")
        return QUERY_HOSTS.get(base, base)

"""Settings of `[connectors.posthog]`."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from cs_sync import ConnectorConfig, Limit, Settings
from cs_sync_schemas import Scale

LIMITS = (
    Limit(requests=240, seconds=60, path="/query/"),
    Limit(requests=2400, seconds=3600, path="/query/"),
    Limit(requests=480, seconds=60),
    Limit(requests=4800, seconds=3600),
)
"""Per project, all keys together; older projects allow 120 queries an hour."""

DEFAULT_IGNORED_EVENTS = (
    "$create_alias",
    "$exception",
    "$feature_flag_called",
    "$groupidentify",
    "$identify",
    "$set",
    "survey dismissed",
    "survey sent",
    "survey shown",
)
"""Events that a person's browser or a server sends without anybody using the product."""


class SurveyScale(Settings):
    """The measure of one survey's ratings; a bare `"csat"` means `{kind = "csat"}`."""

    kind: Literal["nps", "csat", "ces", "custom"]
    scale: Scale | None = Field(default=None, description="None: as the survey's question says.")
    higher_is_better: bool | None = Field(default=None, description="None: as the scale says.")

    @model_validator(mode="before")
    @classmethod
    def _from_kind(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


class PostHogConfig(ConnectorConfig):
    """The project to read, how far back, and the measures of its surveys."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(
        default="https://us.posthog.com",
        description="https://us.posthog.com, https://eu.posthog.com or your own PostHog.",
    )
    api_key: SecretStr = Field(description="Personal API key (phx_…).")
    project_id: int = Field(ge=1, description="The number in the project's address.")
    account_group_index: int = Field(
        default=0, ge=0, le=4, description="Index of the group type that is your account."
    )
    backfill_days: int = Field(default=365, ge=1, description="How far the first read goes back.")
    trailing_days: int = Field(
        default=7, ge=1, description="Days computed again in every run, for late events."
    )
    late_days: int = Field(
        default=90, ge=0, description="Days computed again once a week, for events later still."
    )
    ignored_events: tuple[str, ...] = Field(
        default=DEFAULT_IGNORED_EVENTS, min_length=1, description="Events that are not usage."
    )
    person_features: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="Events read by person, beside [metrics] active_features; others by account.",
    )
    surveys: dict[str, SurveyScale] = Field(
        default_factory=dict,
        description="Survey or question (name or id) → csat, ces, nps or custom.",
    )

    @property
    def features_by_person(self) -> tuple[str, ...]:
        """The features whose use is read by person, each once."""
        return tuple(dict.fromkeys([*self.workspace.active_features, *self.person_features]))

    @field_validator("api_key")
    @classmethod
    def _not_the_write_key(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value().startswith("phc_"):
            raise ValueError(
                "this is the project's capture key, which cannot read; "
                "create a personal API key (phx_…)"
            )
        return key

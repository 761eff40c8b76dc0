"""Settings of `[connectors.userpilot]`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SecretStr

from cs_sync import ConnectorConfig, Limit

LIMITS = (Limit(requests=1, seconds=30, path=r"/exports/jobs/"),)
"""Userpilot publishes none; a job is looked at every half minute."""

UsageEvent = Literal["page_view", "session_start", "track", "track_feature"]


class UserpilotConfig(ConnectorConfig):
    """The environment to read, how far back, and what is usage."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(
        default="https://appex.userpilot.io",
        description="Where exports answer, as the Environment page says.",
    )
    api_key: SecretStr = Field(description="API key of the environment.")
    backfill_days: int = Field(default=90, ge=1, description="How far the first read goes back.")
    days_per_export: int = Field(default=30, ge=1, description="Days of one export job.")
    usage_events: tuple[UsageEvent, ...] = Field(
        default=("page_view", "track", "track_feature"),
        min_length=1,
        description="Types of events that are usage.",
    )
    person_features: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="Features counted by person, beside [metrics] active_features.",
    )

    @property
    def features_by_person(self) -> tuple[str, ...]:
        """The features whose use is counted by person."""
        return (*self.workspace.active_features, *self.person_features)

"""Settings of predictions: the `[foresight]` table of the configuration."""

from datetime import timedelta

from pydantic import Field

from cs_sync.settings import Settings


class ForesightSettings(Settings):
    """The `[foresight]` table: what a prediction is about."""

    horizon_days: int = Field(
        default=90, ge=14, le=730, description="Days in which a departure counts."
    )
    lead_days: int = Field(
        default=14,
        ge=0,
        le=180,
        description="Days to act: the horizon begins so long after the prediction.",
    )
    capacity: int = Field(
        default=20, ge=1, description="Accounts that the team can call in a horizon."
    )

    @property
    def lead(self) -> timedelta:
        """The time between a prediction and its horizon."""
        return timedelta(days=self.lead_days)

    @property
    def horizon(self) -> timedelta:
        """The length of the horizon."""
        return timedelta(days=self.horizon_days)

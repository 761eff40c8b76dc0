"""Settings of predictions: the `[foresight]` table of the configuration."""

from datetime import timedelta

from pydantic import Field

from cs_sync.settings import Settings


class ForesightSettings(Settings):
    """The `[foresight]` table: what a prediction is about."""

    horizon_days: int = Field(
        default=90, ge=14, le=730, description="How many days ahead it is judged who leaves."
    )
    lead_days: int = Field(
        default=14,
        ge=0,
        le=180,
        description="Time to act: the horizon begins so many days after the prediction.",
    )
    capacity: int = Field(
        default=20, ge=1, description="Accounts the team can call in a horizon, for lift at k."
    )

    @property
    def lead(self) -> timedelta:
        """The time between a prediction and its horizon."""
        return timedelta(days=self.lead_days)

    @property
    def horizon(self) -> timedelta:
        """The length of the horizon."""
        return timedelta(days=self.horizon_days)

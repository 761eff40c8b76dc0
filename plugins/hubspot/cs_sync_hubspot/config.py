"""Settings of `[connectors.hubspot]`, and HubSpot's rate limits."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from cs_sync import ConnectorConfig, Limit
from cs_sync_schemas import Scale

PropertyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]

LIMITS = (
    Limit(requests=100, seconds=10),
    Limit(requests=5, seconds=1, path=r"/search$", method="POST"),
)
"""The smallest plan's allowance for one key; searches have their own, shared by the portal."""

LANES = 4
"""Requests on their way at once: with one, the time of each answer is taken from the limit."""

SCALES: dict[str, tuple[float, float]] = {"NPS": (0, 10), "CSAT": (0, 2), "CES": (1, 7)}
"""Lowest and highest answer of HubSpot's own survey types."""


class HubSpotConfig(ConnectorConfig):
    """Settings of HubSpot; properties have their internal names."""

    base_url: str = Field(default="https://api.hubapi.com", description="Where the API answers.")
    access_token: SecretStr = Field(description="Service key or private-app token.")
    account_key_property: PropertyName = Field(
        default="account_id", description="Company property that holds your own account id."
    )
    contact_key_property: PropertyName | None = Field(
        default=None, description="Contact property that holds your own user id."
    )
    company_properties: tuple[PropertyName, ...] = Field(
        default=("industry", "country", "numberofemployees", "lifecyclestage"),
        description="Company properties to carry as attributes of the account.",
    )
    property_history: bool = Field(
        default=True,
        description="Whether to read what owner, last contact and these properties were before, "
        "by a request for 50 companies that are new or changed.",
    )
    survey_scales: dict[str, Scale] = Field(
        default_factory=dict,
        description="Lowest and highest answer of a survey (by name) or of a type of survey.",
    )
    portal_id: int | None = Field(
        default=None, description="Your HubSpot account number, to link to company records."
    )
    app_url: str = Field(
        default="https://app.hubspot.com", description="Where its pages open in a browser."
    )

    @field_validator("survey_scales")
    @classmethod
    def _no_other_nps(cls, scales: dict[str, Scale]) -> dict[str, Scale]:
        if scales.get("NPS", SCALES["NPS"]) != SCALES["NPS"]:
            raise ValueError("NPS is asked from 0 to 10, and nothing else is NPS")
        return scales

    @property
    def names_properties(self) -> bool:
        """Whether it names company properties beyond the defaults."""
        return bool(self.model_fields_set & {"account_key_property", "company_properties"})

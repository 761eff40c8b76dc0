"""The `[connectors.hubspot]` section, and what HubSpot allows in any period."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from cs_sync import ConnectorConfig, Limit

SurveyKind = Literal["CSAT", "CES", "CUSTOM"]
PropertyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]

LIMITS = (
    Limit(requests=100, seconds=10),
    Limit(requests=5, seconds=1, path=r"/search$", method="POST"),
)
"""The smallest plan's allowance for one key; searches have their own, shared by the portal."""

SCALES: dict[str, tuple[float, float]] = {"NPS": (0, 10), "CSAT": (0, 2), "CES": (1, 7)}
"""Lowest and highest answer of HubSpot's own survey types."""


class HubSpotConfig(ConnectorConfig):
    """Settings of HubSpot; properties are given by their internal names."""

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
    survey_scales: dict[SurveyKind, tuple[float, float]] = Field(
        default_factory=dict,
        description="Lowest and highest answer of a survey type, where yours differ.",
    )
    portal_id: int | None = Field(
        default=None, description="Your HubSpot account number, to link to company records."
    )

    @property
    def names_properties(self) -> bool:
        """Whether it asks for company properties beyond those that are asked for anyway."""
        return bool(self.model_fields_set & {"account_key_property", "company_properties"})

"""Settings of `[connectors.salesforce]`, and Salesforce's limits."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator

from cs_sync import ConnectorConfig, Limit

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z]\w*$", max_length=80)]

API_VERSION = "v67.0"
LANES = 4
"""Requests on their way at once; of those that last long an org allows 25 to all its users."""
LIMITS = (Limit(requests=50, seconds=1),)
"""A pace; the quota is one of the day, which every answer states."""

_SHARED_HOSTS = ("login.salesforce.com", "test.salesforce.com")
_PAGES_HOST = ".lightning.force.com"


class SalesforceConfig(ConnectorConfig):
    """Settings of Salesforce; fields have their API names."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(description="Your My Domain, like https://acme.my.salesforce.com.")
    client_id: str = Field(description="Consumer key of the external client app.")
    client_secret: SecretStr = Field(description="Consumer secret of the external client app.")
    refresh_token: SecretStr | None = Field(
        None, description="Acts as the user who granted it, instead of as the app's own user."
    )
    account_key_field: FieldName | None = Field(
        None,
        description="API name of the account field with your own account id, like Account_ID__c.",
    )
    contact_key_field: FieldName | None = Field(
        None, description="API name of the contact field with your own user id, like User_ID__c."
    )
    account_fields: tuple[FieldName, ...] = Field(
        ("Industry", "Type", "BillingCountry", "NumberOfEmployees"),
        description="API names of account fields to carry as attributes of the account.",
    )
    renewal_types: tuple[str, ...] = Field(
        ("Renewal",), description="Types of opportunities that are renewals; [] reads none."
    )
    renewal_date_field: FieldName = Field(
        "CloseDate", description="Opportunity field with the day of the renewal."
    )
    max_api_share: float = Field(
        0.9, gt=0, le=1, description="Share of the org's daily API calls at which a run ends."
    )

    @field_validator("base_url")
    @classmethod
    def _require_own_domain(cls, url: str) -> str:
        host = urlsplit(url).hostname or ""
        if host in _SHARED_HOSTS or host.endswith(_PAGES_HOST):
            raise ValueError(
                f"{host} issues no tokens to apps; write your My Domain, which Setup shows under"
                " My Domain, like https://acme.my.salesforce.com"
            )
        return url

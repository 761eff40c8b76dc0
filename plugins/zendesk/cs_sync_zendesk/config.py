"""The settings of `[connectors.zendesk]`."""

from typing import Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from cs_sync import ConnectorConfig


class ZendeskConfig(ConnectorConfig):
    """Either client_id and client_secret, or email and api_token."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(description="Your Zendesk, like https://acme.zendesk.com.")
    client_id: str | None = Field(None, description="Unique identifier of the OAuth client.")
    client_secret: SecretStr | None = Field(None, description="Secret of the OAuth client.")
    email: str | None = Field(None, description="An admin's address, with api_token.")
    api_token: SecretStr | None = Field(
        None, description="Zendesk ends API tokens on 2027-04-30: better use an OAuth client."
    )
    topic_field_id: int | None = Field(
        None, description="Ticket field that holds the topic; without it the first tag is taken."
    )

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        oauth = (self.client_id, self.client_secret)
        token = (self.email, self.api_token)
        credentials = [pair for pair in (oauth, token) if any(part is not None for part in pair)]
        if len(credentials) != 1 or None in credentials[0]:
            raise ValueError(
                "give client_id and client_secret of an OAuth client, or else email and api_token"
            )
        return self

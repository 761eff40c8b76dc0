"""Authentication: an OAuth client that renews its token, or an API token."""

import httpx

from cs_sync.rest import OAuthToken
from cs_sync_zendesk.api import TOKEN
from cs_sync_zendesk.config import ZendeskConfig

LIFETIME = 7200
"""Seconds a token is asked for."""


def make_auth(config: ZendeskConfig) -> httpx.Auth:
    """Return the authentication for the configured credentials."""
    if config.client_id is not None and config.client_secret is not None:
        grant = {
            "grant_type": "client_credentials",
            "client_id": config.client_id,
            "client_secret": config.client_secret.get_secret_value(),
            "scope": "read",
            "expires_in": LIFETIME,
        }
        return OAuthToken(
            config.base_url.rstrip("/") + TOKEN,
            grant,
            as_json=True,
            remedy="Check base_url, client_id and client_secret in Admin Center → APIs → OAuth"
            " clients; the client must be confidential.",
        )
    token = config.api_token.get_secret_value() if config.api_token else ""
    return httpx.BasicAuth(f"{config.email}/token", token)

"""The HTTP client for HubSpot: address, access token, error classification."""

from cs_sync import Http, ResponseNames
from cs_sync_hubspot.api import SHAPES
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.errors import make_classifier

NAMES = ResponseNames(
    request_id=("x-hubspot-correlation-id", "correlationId"),
    rolling=(
        "x-hubspot-ratelimit-max",
        "x-hubspot-ratelimit-remaining",
        "x-hubspot-ratelimit-interval-milliseconds",
    ),
    daily_remaining="x-hubspot-ratelimit-daily-remaining",
)


def make_client(config: HubSpotConfig, http: Http) -> Http:
    """Return the client for this configuration; HubSpot's own never sees the token."""
    return http.at(
        config.base_url,
        headers={"Authorization": f"Bearer {config.access_token.get_secret_value()}"},
        classify=make_classifier(config.workspace.timezone, config.section),
        shapes=SHAPES,
        names=NAMES,
    )

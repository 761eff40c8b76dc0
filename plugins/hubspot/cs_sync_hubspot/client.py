"""HubSpot's API on the host's client: address, access token, error classification."""

from cs_sync import Http, ResponseNames
from cs_sync_hubspot.api import SHAPES, HubSpotApi
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


def make_api(config: HubSpotConfig, http: Http) -> HubSpotApi:
    """Return HubSpot's API for this configuration."""
    client = http.at(
        config.base_url,
        classify=make_classifier(config.workspace.timezone, config.section),
        shapes=SHAPES,
        names=NAMES,
    )
    return HubSpotApi(client, config.access_token.get_secret_value())

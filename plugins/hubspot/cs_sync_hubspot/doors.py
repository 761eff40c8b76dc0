"""Opens the host's door to HubSpot: address, access token, dialect of errors."""

from cs_sync import Http
from cs_sync_hubspot.api import SHAPES
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.refusals import classify_for


def open_door(config: HubSpotConfig, http: Http) -> Http:
    """The door with this configuration's credential; the official client never sees the token."""
    return http.at(
        config.base_url,
        headers={"Authorization": f"Bearer {config.access_token.get_secret_value()}"},
        classify=classify_for(config.workspace.timezone, config.section),
        shapes=SHAPES,
    )

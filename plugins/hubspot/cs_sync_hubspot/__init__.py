"""HubSpot for cs-sync: reads the CRM, and writes health scores and follow-ups back into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Destination, Source


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """The connector that reads."""
    from cs_sync_hubspot.source import HubSpotSource

    return [HubSpotSource]


@hookimpl
def cs_sync_destinations() -> list[type[Destination]]:
    """The connector that writes."""
    from cs_sync_hubspot.destination import HubSpotDestination

    return [HubSpotDestination]

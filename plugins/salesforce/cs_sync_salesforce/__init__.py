"""The Salesforce connector: reads the CRM, writes health scores and follow-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Destination, Source


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Return the source."""
    from cs_sync_salesforce.source import SalesforceSource

    return [SalesforceSource]


@hookimpl
def cs_sync_destinations() -> list[type[Destination]]:
    """Return the destination."""
    from cs_sync_salesforce.destination import SalesforceDestination

    return [SalesforceDestination]

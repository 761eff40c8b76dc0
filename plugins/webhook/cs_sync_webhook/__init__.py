"""The `webhook` connector: health scores and follow-ups as signed messages to your URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Destination


@hookimpl
def cs_sync_destinations() -> list[type[Destination]]:
    """Return the destination."""
    from cs_sync_webhook.destination import WebhookDestination

    return [WebhookDestination]

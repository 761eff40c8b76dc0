"""The Zendesk connector: reads support, writes nothing."""

from cs_sync import Source, hookimpl
from cs_sync_zendesk.source import ZendeskSource


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Offer the source."""
    return [ZendeskSource]

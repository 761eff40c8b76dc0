"""The Zendesk connector: reads support, writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Source


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Return the source; its module is loaded on first use."""
    from cs_sync_zendesk.source import ZendeskSource

    return [ZendeskSource]

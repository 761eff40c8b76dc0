"""Pebble for cs-sync: the hook by which the host finds the connector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Source


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Offer the source, which is loaded only when somebody asks."""
    from cs_sync_pebble.source import PebbleSource

    return [PebbleSource]

"""The `userpilot` connector: product usage, features, people and accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Source


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Return the source."""
    from cs_sync_userpilot.source import UserpilotSource

    return [UserpilotSource]

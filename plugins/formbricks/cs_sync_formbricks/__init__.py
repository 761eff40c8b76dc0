"""The Formbricks connector: `connector.toml` describes it; it writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Source


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Return the source; its description is loaded on first use."""
    from cs_sync.rest import load_connector

    return [load_connector("cs_sync_formbricks")]

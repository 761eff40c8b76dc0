"""The Singer bridge: reads what any tap gives, mapped in TOML; it writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Source


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Return the source; it is loaded on first use."""
    from cs_sync_singer.source import SingerSource

    return [SingerSource]

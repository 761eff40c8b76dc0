"""The `files` connector: CSV, JSON Lines and Parquet files of a folder, one per table."""

from cs_sync import Source, hookimpl
from cs_sync_files.source import FilesSource

__all__ = ["FilesSource", "cs_sync_sources"]


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Offer the connector to cs-sync."""
    return [FilesSource]

"""The `files` connector: a folder of CSV, JSON Lines and Parquet files, one per table."""

from cs_sync import Source, hookimpl
from cs_sync_files.source import FilesSource

__all__ = ["FilesSource", "cs_sync_sources"]


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Return the source."""
    return [FilesSource]

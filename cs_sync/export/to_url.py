"""Export of all tables to a database at a URL."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import URL

from cs_sync.export.to_duckdb import export_to_duckdb
from cs_sync.export.to_postgresql import export_to_postgresql
from cs_sync.store.engine import Store
from cs_sync.store.engines.copies import parse_copy_url

_EXPORTS: Mapping[str, Callable[[Store, URL, datetime], list[dict[str, Any]]]] = {
    "duckdb": export_to_duckdb,
    "postgresql": export_to_postgresql,
}


def export_to_url(store: Store, text: str, now: datetime) -> list[dict[str, Any]]:
    """Export every table to a database, in place of an earlier export.

    All tables show the same moment, and readers see the whole export before or the whole one
    after.

    Args:
        store: The workspace's database.
        text: The URL: `postgresql://…?schema=NAME` or `duckdb:///FILE`.
        now: The time of the export.

    Returns:
        Rows of table, rows.

    Raises:
        ConfigError: The URL cannot be used, or something else stands there.
        StoreError: The database refuses.
    """
    url = parse_copy_url(text)
    return _EXPORTS[url.get_backend_name()](store, url, now)

"""Export of all tables to a file of DuckDB."""

import os
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import URL

from cs_sync.contracts.errors import ConfigError
from cs_sync.export.export import export_tables
from cs_sync.store.engine import Store
from cs_sync.store.engines.copies import open_duckdb_file
from cs_sync.store.engines.duckdb import copy_table
from cs_sync.store.engines.manifest import find_parquet_files, read_manifest
from cs_sync.store.engines.mark import read_mark, write_mark


def export_to_duckdb(store: Store, url: URL, now: datetime) -> list[dict[str, Any]]:
    """Export every table to a file, which only its owner may read.

    It is written beside its place, and moved there when it is complete.
    """
    file = Path(url.database or "")
    _check_place(file)
    with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        rows = export_tables(store, Path(folder), "parquet", now)
        part = Path(folder) / "copy.duckdb"
        _fill_file(part, Path(folder))
        part.chmod(0o600)
        os.replace(part, file)
    return [{"table": row["table"], "rows": row["rows"]} for row in rows]


def _check_place(file: Path) -> None:
    """Raise ConfigError where something stands that is no export."""
    if not file.parent.is_dir():
        raise ConfigError(f"the folder of {file} does not exist", "create it, or name another")
    if not file.exists():
        return
    opened = open_duckdb_file(file, read_only=True)
    try:
        with opened.read() as connection:
            if read_mark(connection) is None:
                raise ConfigError(f"{file} is not an export of cs-sync", "name another file")
    finally:
        opened.close()


def _fill_file(part: Path, folder: Path) -> None:
    manifest = read_manifest(folder)
    copy = open_duckdb_file(part, read_only=False)
    try:
        with copy.write() as connection:
            for table, parquet in find_parquet_files(folder, manifest).items():
                copy_table(connection, table, parquet)
            write_mark(connection, manifest)
    finally:
        copy.close()

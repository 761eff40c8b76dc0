"""Export of all tables to Parquet, CSV or JSON Lines files; each file complete or absent."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Table

from cs_sync.contracts.errors import ConfigError
from cs_sync.export.formats import RowBatches, make_parquet_writer, write_csv, write_jsonl
from cs_sync.store.engine import Store
from cs_sync.store.engines.manifest import Manifest, remove_manifest, write_manifest
from cs_sync.store.queries.tables import stream_table
from cs_sync_schemas.migrations import HEAD
from cs_sync_schemas.tables import LEASE, METADATA, SUPPRESSION

ExportFormat = Literal["parquet", "csv", "jsonl"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
TableWriter = Callable[[Path, Table, RowBatches], int]

BATCH_SIZE = 5000
"""Rows held in memory."""

EXCLUDED_TABLES = (LEASE, SUPPRESSION)
"""The lease means nothing elsewhere; the digests of people who were forgotten stay here."""


def list_exported_tables() -> list[Table]:
    """List the tables of an export."""
    return [table for table in METADATA.sorted_tables if table not in EXCLUDED_TABLES]


def export_tables(
    store: Store, folder: Path, kind: ExportFormat, now: datetime
) -> list[dict[str, Any]]:
    """Export every table to a file of its own.

    All tables show the same moment, also during a run. Existing files are replaced. Only
    their owner may read them, as they hold personal data. Beside them stands what the export
    is of, once it is complete.

    Args:
        store: The database.
        folder: The folder of the files; created if missing.
        kind: The file format.
        now: The time of the export.

    Returns:
        Rows of table, rows, path.

    Raises:
        ConfigError: A file cannot be written, or pyarrow is missing.
    """
    write = _get_writer(kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_manifest(folder)
        with store.snapshot() as connection:
            rows = [
                _export_table(connection, table, folder / f"{table.name}.{kind}", write)
                for table in list_exported_tables()
            ]
        write_manifest(folder, Manifest(HEAD, kind, now, tuple(row["table"] for row in rows)))
        return rows
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}",
            "name a folder that this user may write to, with enough space",
        ) from error


def _export_table(
    connection: Connection, table: Table, path: Path, write: TableWriter
) -> dict[str, Any]:
    part = path.with_name(f"{path.name}.part")
    try:
        part.touch(mode=0o600)
        count = write(part, table, stream_table(connection, table, BATCH_SIZE))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return {"table": table.name, "rows": count, "path": str(path)}


def _get_writer(kind: ExportFormat) -> TableWriter:
    writers: Mapping[ExportFormat, Callable[[], TableWriter]] = {
        "parquet": make_parquet_writer,
        "csv": lambda: write_csv,
        "jsonl": lambda: write_jsonl,
    }
    return writers[kind]()

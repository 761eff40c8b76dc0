"""Writing every table to files: Parquet, CSV or JSON Lines, each file whole or not at all."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Table, select
from sqlmodel import SQLModel

from cs_sync.contracts.errors import ConfigError
from cs_sync.jobs.export_formats import Pages, csv_writer, jsonl_writer, parquet_writer
from cs_sync.jobs.workspace import Workspace
from cs_sync_schemas import Lease, Suppression, table_of

Format = Literal["parquet", "csv", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)
Write = Callable[[Path, Table, Pages], int]

AT_ONCE = 5000
"""Rows held in memory."""

LEFT_OUT = (table_of(Lease), table_of(Suppression))
"""The lease means nothing elsewhere; the digests of people who were forgotten stay here."""


def export(workspace: Workspace, folder: Path, kind: Format) -> list[dict[str, Any]]:
    """One file per table; rows of table, rows, path. Raises ConfigError.

    All tables show the same moment, whatever a run stores meanwhile. A file of that name is
    replaced; nobody but its owner may read it, as there are people in it.
    """
    write = _writer(kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with workspace.store.snapshot() as connection:
            return [
                _export_table(connection, table, folder / f"{table.name}.{kind}", write)
                for table in SQLModel.metadata.sorted_tables
                if table not in LEFT_OUT
            ]
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}",
            "name a folder that this user may write to, with enough space",
        ) from error


def _export_table(connection: Connection, table: Table, path: Path, write: Write) -> dict[str, Any]:
    ordered = select(table).order_by(*table.primary_key)
    found = connection.execute(ordered.execution_options(yield_per=AT_ONCE))
    part = path.with_name(f"{path.name}.part")
    try:
        part.touch(mode=0o600)
        count = write(part, table, found.mappings().partitions(AT_ONCE))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return {"table": table.name, "rows": count, "path": str(path)}


def _writer(kind: Format) -> Write:
    writers: Mapping[Format, Callable[[], Write]] = {
        "parquet": parquet_writer,
        "csv": lambda: csv_writer,
        "jsonl": lambda: jsonl_writer,
    }
    return writers[kind]()

"""Upserts of plain rows, and long lists of keys in chunks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table

from cs_sync.store.fast.bulk_upserts import upsert_uniform_rows

CHUNK_SIZE = 5000
"""Keys in one IN list: below every database's limit on parameters."""


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace rows by primary key, keeping `first_seen_at`."""
    if rows:
        upsert_uniform_rows(connection, table, rows, {})


def split_chunks(keys: Iterable[Any], size: int = CHUNK_SIZE) -> Iterator[list[Any]]:
    """Yield distinct keys in chunks, in a stable order."""
    rest = iter(dict.fromkeys(keys))
    while chunk := list(islice(rest, size)):
        yield chunk

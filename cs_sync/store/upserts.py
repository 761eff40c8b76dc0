"""Upserts of plain rows, and long lists of keys in chunks."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from cs_sync.store.fast.bulk_upserts import upsert_uniform_rows

T = TypeVar("T")
CHUNK_SIZE = 5000
"""Keys in one IN list: below every database's limit on parameters; and rows written at once."""


def upsert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert or replace rows by primary key, keeping `first_seen_at`.

    Where `rows` makes them one by one, those of a chunk are in memory at once.
    """
    for chunk in split_rows(rows):
        upsert_uniform_rows(connection, table, chunk, {})


def split_chunks(keys: Iterable[T], size: int = CHUNK_SIZE) -> Iterator[list[T]]:
    """Yield distinct keys in chunks, in a stable order."""
    return split_rows(dict.fromkeys(keys), size)


def split_rows(rows: Iterable[T], size: int = CHUNK_SIZE) -> Iterator[list[T]]:
    """Yield rows in chunks."""
    rest = iter(rows)
    while chunk := list(islice(rest, size)):
        yield chunk

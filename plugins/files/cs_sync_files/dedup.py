"""Deduplication of rows: exact, and on disk, so that memory does not grow with the files."""

import sqlite3
from collections.abc import Sequence

Place = tuple[str, int]
"""A file and a line of it."""


class SeenKeys:
    """Keys and their first place, in a temporary database."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(
            "CREATE TABLE seen (key TEXT PRIMARY KEY, file TEXT, line INTEGER) WITHOUT ROWID"
        )

    def add(self, keys: Sequence[str], places: Sequence[Place]) -> dict[int, Place]:
        """Record keys with their places.

        Returns the earlier place of those that had one.

        Args:
            keys: The keys.
            places: Where each stands, no two at one place.

        Returns:
            Index of a repeated key → its first place.
        """
        self._database.execute("BEGIN")
        rows = [(key, *place) for key, place in zip(keys, places, strict=True)]
        added = self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows)
        self._database.execute("COMMIT")
        if added.rowcount == len(rows) or not rows:
            return {}
        first = [self._find_place(key) for key in keys]
        return {at: place for at, place in enumerate(first) if place != places[at]}

    def _find_place(self, key: str) -> Place:
        place: Place = self._database.execute(
            "SELECT file, line FROM seen WHERE key = ?", (key,)
        ).fetchone()
        return place

    def close(self) -> None:
        """Delete everything."""
        self._database.close()

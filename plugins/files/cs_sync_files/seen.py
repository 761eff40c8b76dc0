"""Deduplication of rows: exact, and on disk, so that memory does not grow with the files."""

import json
import sqlite3
from collections.abc import Sequence


class SeenKeys:
    """Keys and their first place, in a temporary database."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID")

    def add(self, keys: Sequence[tuple[str, str]]) -> list[str | None]:
        """Record (key, place) pairs; return each key's earlier place, or None."""
        names = json.dumps([key for key, _ in keys])
        stored: dict[str, str] = dict(
            self._database.execute(
                "SELECT key, place FROM seen WHERE key IN (SELECT value FROM json_each(?))",
                (names,),
            )
        )
        earlier: list[str | None] = []
        fresh: list[tuple[str, str]] = []
        for key, place in keys:
            earlier.append(stored.get(key))
            if key not in stored:
                stored[key] = place
                fresh.append((key, place))
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO seen VALUES (?, ?)", fresh)
        self._database.execute("COMMIT")
        return earlier

    def close(self) -> None:
        """Delete everything."""
        self._database.close()

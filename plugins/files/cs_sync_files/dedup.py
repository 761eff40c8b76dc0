"""Deduplication of rows: exact, and on disk, so that memory does not grow with the files.

Most files are ordered by their ids, or nearly so: then a page has no key in the range of another
but its neighbours, and is compared with these alone. Keys in any other order, and files that repeat
some, are looked up one by one.
"""

import marshal
import sqlite3
from collections.abc import Sequence

Place = tuple[str, int]
"""A file and a line of it."""
MOST_NEIGHBOURS = 4
"""With so many earlier pages a page is compared; with more it is cheaper to look up each key."""


class SeenKeys:
    """Keys and their first place, in a temporary database."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE page (number INTEGER PRIMARY KEY, content BLOB)")
        self._database.execute(
            "CREATE TABLE seen (key TEXT PRIMARY KEY, file TEXT, line INTEGER) WITHOUT ROWID"
        )
        self._ranges: list[tuple[str, str]] | None = []
        """The least and the greatest key of each page; None: all keys stand in `seen`."""

    def add(self, keys: Sequence[str], places: Sequence[Place]) -> dict[int, Place]:
        """Record keys with their places.

        Returns the earlier place of those that had one.

        Args:
            keys: The keys.
            places: Where each stands, no two at one place.

        Returns:
            Index of a repeated key → its first place.
        """
        if not keys or self._add_page(keys, places):
            return {}
        if self._insert_keys(keys, places) == len(keys):
            return {}
        first = [self._find_place(key) for key in keys]
        return {at: place for at, place in enumerate(first) if place != places[at]}

    def _add_page(self, keys: Sequence[str], places: Sequence[Place]) -> bool:
        """Add a page as a whole if no key was seen.

        Otherwise, or where that takes many comparisons, all keys move to where each can be found.
        """
        if self._ranges is None:
            return False
        unique, low, high = set(keys), min(keys), max(keys)
        neighbours = [
            number
            for number, (least, greatest) in enumerate(self._ranges)
            if low <= greatest and least <= high
        ]
        if (
            len(unique) == len(keys)
            and len(neighbours) <= MOST_NEIGHBOURS
            and all(unique.isdisjoint(self._read_page(number)[0]) for number in neighbours)
        ):
            content = marshal.dumps((list(keys), list(places)))
            page = (len(self._ranges), content)
            self._database.execute("INSERT INTO page VALUES (?, ?)", page)
            self._ranges.append((low, high))
            return True
        for number in range(len(self._ranges)):
            self._insert_keys(*self._read_page(number))
        self._database.execute("DELETE FROM page")
        self._ranges = None
        return False

    def _read_page(self, number: int) -> tuple[list[str], list[Place]]:
        row = self._database.execute("SELECT content FROM page WHERE number = ?", (number,))
        page: tuple[list[str], list[Place]] = marshal.loads(row.fetchone()[0])  # noqa: S302 - ours
        return page

    def _insert_keys(self, keys: Sequence[str], places: Sequence[Place]) -> int:
        """Insert the keys that are new; return their number."""
        self._database.execute("BEGIN")
        rows = [(key, *place) for key, place in zip(keys, places, strict=True)]
        added = self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows)
        self._database.execute("COMMIT")
        return added.rowcount

    def _find_place(self, key: str) -> Place:
        place: Place = self._database.execute(
            "SELECT file, line FROM seen WHERE key = ?", (key,)
        ).fetchone()
        return place

    def close(self) -> None:
        """Delete everything."""
        self._database.close()

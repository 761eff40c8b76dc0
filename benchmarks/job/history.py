"""The scores that a year of daily runs leaves, without a year of runs."""

import sqlite3
from contextlib import closing
from pathlib import Path

_DAY = 24 * 60 * 60 * 1_000_000
"""Microseconds."""


def repeat_scores(database: Path, days: int) -> None:
    """Store the scores of the only day for the days before it, too.

    Bands stay as they are since the first of them.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(health_score)")]
        changed = {
            "as_of": "date(as_of, -ago || ' days')",
            "computed_at": f"computed_at - ago * {_DAY}",
        }
        values = ", ".join(changed.get(name, name) for name in names)
        connection.execute(
            "WITH RECURSIVE past (ago) AS (SELECT 1 UNION ALL SELECT ago + 1 FROM past"
            f" WHERE ago < {days:d}) INSERT INTO health_score SELECT {values}"
            " FROM past CROSS JOIN health_score AS own"
            " WHERE as_of = (SELECT max(as_of) FROM health_score)"
        )
        connection.execute(f"UPDATE score_band SET since = date(since, '-{days:d} days')")

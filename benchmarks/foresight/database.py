"""F9 from a database: `python -m benchmarks.foresight.database --accounts 3000 10000`.

The accounts of `benchmarks.job` are used once a week for two years. Their inputs are read as if all
had come with the first sync, and with `--lived` as if every month had been synced by itself.
"""

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.foresight.predictions import fit_four
from benchmarks.job import books
from cs_sync.config import load_config
from cs_sync.plugins import load_plugins
from cs_sync.queries.observations import build_request
from cs_sync.queries.panel import read_panel
from cs_sync.runtime.workspace import open_workspace

WEEKS = 104
MONTHS = 24
_OWN = ("source_id", "account_source_id", "contact_source_id")
COPIED = {
    "account": ("id",),
    "account_link": ("source_id", "account_id"),
    "contact": ("id", "account_id"),
    "contact_link": ("source_id", "contact_id"),
    "contact_account": ("contact_id", "account_source_id"),
    "subscription": _OWN,
    "ticket": _OWN,
    "survey_response": _OWN,
    "usage_day": _OWN,
    "mrr_span": ("account_id",),
    "mrr_movement": ("account_id",),
}
"""Table → the columns that name what is copied."""
RECORDS = {
    "usage_day": "unixepoch(day) * 1000000",
    "ticket": "opened_at",
    "survey_response": "answered_at",
}
"""Table → when a record happened."""


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foresight.database")
    parser.add_argument("--accounts", type=int, nargs="+", default=[3_000, 10_000])
    parser.add_argument("--copies", type=int, default=1, help="multiplies what was synced")
    parser.add_argument("--lived", action="store_true", help="each month was synced by itself")
    parser.add_argument("--scored", action="store_true", help="also score every account-month")
    parser.add_argument("--measure", type=Path, help="a folder that was written before")
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, scored=given.scored)
        return
    for accounts in given.accounts:
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "workspace"
            write_workspace(folder, accounts, given.copies, lived=given.lived)
            options = ["--scored"] if given.scored else []
            run("benchmarks.foresight.database", "--measure", str(folder), *options)


def write_workspace(folder: Path, accounts: int, copies: int, *, lived: bool) -> None:
    """Write and sync the books of so many accounts, and copy them in the database."""
    books.write_rows(folder, accounts, _list_rows(accounts))
    run("cs_sync", "--config", str(folder / "cs_sync.toml"), "sync")
    copy_accounts(folder / "cs_sync.db", copies)
    if lived:
        age_knowledge(folder / "cs_sync.db")


def _list_rows(accounts: int) -> Iterator[tuple[str, books.Row]]:
    """Yield the rows of the accounts, and a day of use a week of each that pays."""
    for number in range(accounts):
        name, started, ended = f"a{number:06}", books.TODAY, None
        for file, row in books.list_rows(number, accounts, 0):
            if file == "subscriptions":
                started, ended = row["started_at"], row["ended_at"]
            yield file, row
        for week in range(WEEKS):
            row = books.build_use(name, number, 7 * week + 1 + number % 5, 1 + week % 40)
            if started <= row["day"] < (ended or books.TODAY):
                yield "usage_days", row


def copy_accounts(database: Path, copies: int) -> None:
    """Add copies of all accounts with what is theirs, as a sync of 100,000 takes an hour."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -1000000"):
            connection.execute(f"PRAGMA {pragma}")
        for table, keys in COPIED.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = [f"{name} || :copy" if name in keys else name for name in columns]
            (last,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
            for copy in range(1, copies):
                connection.execute(
                    f"INSERT INTO {table} SELECT {', '.join(values)} FROM {table} "
                    "WHERE rowid <= :last",
                    {"copy": f"+{copy}", "last": last},
                )


def age_knowledge(database: Path) -> None:
    """Pretend that all was synced for the first time two years ago, and daily since."""
    first = "(unixepoch('2026-11-28', '-25 months') * 1000000)"
    with closing(sqlite3.connect(database)) as connection, connection:
        for table in ("run_stream", "run"):
            connection.execute(f"UPDATE {table} SET ended_at = {first}")
        for table in ("account", "contact", "contact_account", "subscription", "invoice"):
            connection.execute(f"UPDATE {table} SET changed_at = {first}")
        for table in ("account_link", "contact_link"):
            connection.execute(f"UPDATE {table} SET since = {first}")
        for table in ("mrr_span", "mrr_movement"):
            connection.execute(f"UPDATE {table} SET known_from = {first}")
        for table, at in RECORDS.items():
            known = f"max({first}, {at} + 86400000000)"
            connection.execute(f"UPDATE {table} SET changed_at = {known}, first_seen_at = {known}")


def measure(folder: Path, *, scored: bool) -> None:
    """Print what reading the inputs of two years and four fits take."""
    began = time.monotonic()
    plugins = load_plugins()
    config = load_config(folder / "cs_sync.toml", plugins)
    with open_workspace(config, plugins) as workspace:
        panel = read_panel(workspace, build_request(workspace, scored=scored))
        read = _list_costs(began)
        fit_four(panel)
        print(f"{panel.size:,} observations of {len(panel.days)} month ends, {read}; "
              f"with four fits {_list_costs(began)}", flush=True)  # fmt: skip


def _list_costs(began: float) -> str:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (
        f"{used.ru_utime:.1f} s of user CPU, {used.ru_stime:.1f} s of the system, "
        f"{time.monotonic() - began:.1f} s by the clock, {used.ru_maxrss / 1024:,.0f} MB"
    )


def run(module: str, *line: str) -> None:
    """Run a module in a process of its own."""
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command: Sequence[str] = [sys.executable, "-m", module, *line]
    subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()

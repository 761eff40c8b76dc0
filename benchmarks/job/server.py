"""A PostgreSQL on this machine for the job, with what it stores and what it computes (Linux)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, text

from tests.postgres import WORKSPACES, fresh_database, postgres_url

SECOND = os.sysconf("SC_CLK_TCK")
PARENT, USER, CHILDREN_SYSTEM = 1, 11, 14
"""Places in /proc/PID/stat after the name: of the parent, and the first and last of the CPU times
of the process and of those children that ended."""


@dataclass(frozen=True)
class Database:
    """A database of a server on this machine."""

    url: str

    def configure(self, folder: Path) -> None:
        """Let the workspace use it instead of its file."""
        own = f'url = "{self.url}"\nschema = "{WORKSPACES[0]}"'
        for file in folder.glob("*.toml"):
            config = file.read_text(encoding="utf-8")
            file.write_text(config.replace('url = "sqlite:///cs_sync.db"', own), encoding="utf-8")

    def read_bytes(self) -> int:
        """Return its size."""
        with self._connect() as connection:
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)

    def read_seconds(self) -> float:
        """Return the CPU seconds of all processes of the server until now."""
        with self._connect() as connection:
            backend = int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
            server = int(_read_stat(backend)[PARENT])
            ticks = sum(map(int, _read_stat(server)[USER : CHILDREN_SYSTEM + 1]))
            for process in _list_children(server):
                user, system = _read_stat(process)[USER : USER + 2]
                ticks += int(user) + int(system)
        return ticks / SECOND

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with create_engine(self.url, poolclass=NullPool).connect() as connection:
            yield connection


@contextmanager
def make_database() -> Iterator[Database]:
    """Yield a database of its own, gone afterwards."""
    with postgres_url() as server, fresh_database(server) as url:
        yield Database(url)


def _list_children(parent: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        process = int(folder.name)
        if int(_read_stat(process)[PARENT]) == parent:
            yield process


def _read_stat(process: int) -> list[str]:
    """Return what follows the name, whose brackets may hold blanks; zeros of one that is gone."""
    try:
        line = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return ["0"] * (CHILDREN_SYSTEM + 1)
    return line.rpartition(") ")[2].split()

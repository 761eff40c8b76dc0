"""Fixtures for all tests: a clock that stands still, and stores on both databases."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cs_sync.store.engine import Store, open_store
from cs_sync.testing.databases import make_empty_database
from tests.postgres import WORKSPACES, empty, fresh_database, shared_url

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that moves when told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> datetime:
        """Move on by a timedelta's arguments."""
        self.now += timedelta(**amount)
        return self.now


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs a server: SQLite shows the same in the quick tests."""
    used = [*getattr(item, "fixturenames", ()), *_get_parameters(item)]
    if "postgres" in used or "postgresql" in used:
        item.add_marker(pytest.mark.slow("starts a PostgreSQL server"))


def _get_parameters(item: pytest.Item) -> list[object]:
    return list(item.callspec.params.values()) if hasattr(item, "callspec") else []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one server for all workers, whose folders are beside each other."""
    folder = tmp_path_factory.getbasetemp()
    with shared_url(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_workspace(postgres: str) -> Iterator[str]:
    """A migrated database, for one test after another: emptying it is quicker than a new one."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_engine(postgres_workspace: str) -> Iterator[Engine]:
    """One for all tests: its connections are warm, and its statements are compiled."""
    opened = open_store(postgres_workspace, WORKSPACES[0])
    yield opened.engine
    opened.close()


@contextmanager
def migrated_sqlite(folder: Path) -> Iterator[Store]:
    """An empty SQLite store in a folder."""
    path = folder / "store.db"
    path.write_bytes(make_empty_database())
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    with migrated_sqlite(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, on each database in turn."""
    if request.param == "sqlite":
        with migrated_sqlite(tmp_path) as opened:
            yield opened
    else:
        opened = Store(request.getfixturevalue("postgres_engine"))
        empty(opened)
        yield opened

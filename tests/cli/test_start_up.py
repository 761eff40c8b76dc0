"""A command starts quickly: it loads no library and no room that it does not need."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from cs_sync.testing.databases import make_empty_database

PACKAGES = ("cs_sync", "cs_sync.config", "cs_sync.follow_ups", "cs_sync.health")
LIBRARIES = (
    "alembic",
    "dbos",
    "hubspot",
    "httpx",
    "jinja2",
    "opentelemetry",
    "pyarrow",
    "sklearn",
    "stripe",
)
ROOMS = (
    "cs_sync.follow_ups.playbooks",
    "cs_sync.health.signals.registry",
    "cs_sync.http.client",
    "cs_sync.identity.resolve",
    "cs_sync.metrics.registry",
    "cs_sync.report.page",
    "cs_sync.sync.reader",
    "cs_sync.write_back.writer",
    "cs_sync_hubspot.source",
    "cs_sync_posthog.source",
    "cs_sync_stripe.source",
    "cs_sync_zendesk.source",
    "sqlalchemy.dialects.postgresql",
)
MODELS = ("cs_sync_schemas.record", "sqlalchemy.orm", "sqlmodel")
READERS = (
    "cs_sync_files.folder",
    "cs_sync_hubspot.reader",
    "cs_sync_posthog.reader",
    "cs_sync_stripe.streams",
    "cs_sync_zendesk.reading",
)
CONNECTORS = """
[connectors.files]
path = "data"
[connectors.stripe]
api_key = "rk_test_1"
[connectors.hubspot]
access_token = "pat-eu1-1"
[connectors.posthog]
api_key = "phx_1"
project_id = 1
[connectors.zendesk]
base_url = "https://acme.zendesk.com"
client_id = "a"
client_secret = "b"
[write_back]
destination = "hubspot"
"""
TABLES = """
import sys
from cs_sync.cli import main
main(sys.argv[1:])
from cs_sync_schemas.metadata import METADATA
print(len(METADATA.tables))
"""
CODE = """
import atexit, gc, sys
atexit.register(lambda: print("searched" if gc.get_freeze_count() == 0 else "not searched"))
from cs_sync.cli import main
code = main(sys.argv[2:])
print(code, sorted(set(sys.argv[1].split()) & set(sys.modules)))
"""


def list_loaded(folder: Path, forbidden: tuple[str, ...], *command: str) -> str:
    """Run a command in a fresh process: its exit code, and what it loaded of the forbidden.

    And whether all that was left at its end was searched for garbage.
    """
    line = [sys.executable, "-c", CODE, " ".join(forbidden), *command]
    ended = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    return " ".join(ended.stdout.splitlines()[-2:])


@pytest.mark.slow("starts a process")
def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    database = ("sqlalchemy", "sqlmodel", "pydantic", "cs_sync_schemas.record")
    assert list_loaded(tmp_path, (*LIBRARIES, *ROOMS, *database), "--help") == "0 [] not searched"


@pytest.mark.slow("starts a process")
def test_a_list_of_accounts_loads_neither_vendors_nor_what_computes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "cs_sync.toml").write_text('[connectors.files]\npath = "data"\n')
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    forbidden = (*LIBRARIES, *ROOMS, *MODELS, *READERS)
    assert list_loaded(tmp_path, forbidden, "accounts") == "0 [] not searched"


@pytest.mark.slow("a process each")
@pytest.mark.parametrize("command", ["runs", "playbooks", "score", "metrics", "mrr"])
def test_a_command_that_reads_no_source_loads_no_reader_and_no_model(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "cs_sync.toml").write_text(CONNECTORS)
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    assert list_loaded(tmp_path, (*LIBRARIES, *MODELS, *READERS), command) == "0 [] not searched"


@pytest.mark.slow("starts a process")
def test_a_run_over_files_loads_no_vendor_and_no_telemetry_that_nobody_set_up(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/accounts.csv").write_text("source_id,name\na1,Acme\n")
    (tmp_path / "cs_sync.toml").write_text('[connectors.files]\npath = "data"\n')
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    forbidden = ("alembic", "dbos", "hubspot", "opentelemetry", "pyarrow", "stripe")
    assert list_loaded(tmp_path, forbidden, "run") == "0 [] not searched"
    unless_changed = ("cs_sync.http.client", "cs_sync.store.views.definitions", "httpx")
    again = list_loaded(tmp_path, (*forbidden, *unless_changed), "run")
    assert again == "0 [] not searched"


ALERTS = """
[alerts]
command = "cat"
"""
FAST = (
    "cs_sync.http.client",
    "cs_sync.identity.facts",
    "disposable_email_domains",
    "rich.progress",
)
"""What a command that shows what is stored needs no part of."""


@pytest.mark.slow("a process each")
@pytest.mark.parametrize(("command", "code"), [("runs", 0), ("healthcheck", 1)])
def test_a_probe_loads_no_client_and_no_bars(tmp_path: Path, command: str, code: int) -> None:
    """A probe runs every minute: also when it is overdue, whose text is masked."""
    (tmp_path / "data").mkdir()
    (tmp_path / "cs_sync.toml").write_text(CONNECTORS + ALERTS)
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    forbidden = (*LIBRARIES, *MODELS, *READERS, *FAST)
    assert list_loaded(tmp_path, forbidden, command) == f"{code} [] not searched"


@pytest.mark.slow("a process each")
@pytest.mark.parametrize(("command", "most"), [("runs", 3), ("healthcheck", 3), ("accounts", 10)])
def test_a_command_defines_the_tables_that_it_reads(
    tmp_path: Path, command: str, most: int
) -> None:
    """To define all 74 takes a tenth of the start of a short command."""
    (tmp_path / "cs_sync.toml").write_text("")
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    line = [sys.executable, "-c", TABLES, command]
    ended = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 0 < int(ended.stdout.splitlines()[-1]) <= most


@pytest.mark.slow("starts a process")
def test_the_scheduled_job_needs_no_library_of_an_extra(tmp_path: Path) -> None:
    """Numpy comes with `analyse`: whoever has files and a report alone does without."""
    code = "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:])); import cs_sync.jobs.run"
    extras = ("numpy", "sklearn", "scipy", "pyarrow", "pandas", "polars", "psycopg", "duckdb")
    line = [sys.executable, "-c", code, *extras]
    ended = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("package", [*PACKAGES, "cs_sync.identity", "cs_sync_schemas"])
def test_every_name_of_a_package_is_found_where_it_is_defined(package: str) -> None:
    module = import_module(package)
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018

"""A command starts quickly: it loads no library and no room that it does not need."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from cs_sync.testing.databases import make_empty_database

PACKAGES = ("cs_sync", "cs_sync.config", "cs_sync.follow_ups", "cs_sync.health")
LIBRARIES = ("alembic", "hubspot", "httpx", "jinja2", "pyarrow", "sklearn", "stripe")
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
CODE = """
import sys
from cs_sync.cli import main
code = main(sys.argv[2:])
print(code, sorted(set(sys.argv[1].split()) & set(sys.modules)))
"""


def list_loaded(folder: Path, forbidden: tuple[str, ...], *command: str) -> str:
    """Run a command in a fresh process: its exit code, and what it loaded of the forbidden."""
    line = [sys.executable, "-c", CODE, " ".join(forbidden), *command]
    ended = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    return ended.stdout.splitlines()[-1]


@pytest.mark.slow("starts a process")
def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    database = ("sqlalchemy", "sqlmodel", "pydantic", "cs_sync_schemas.record")
    assert list_loaded(tmp_path, (*LIBRARIES, *ROOMS, *database), "--help") == "0 []"


@pytest.mark.slow("starts a process")
def test_a_list_of_accounts_loads_neither_vendors_nor_what_computes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "cs_sync.toml").write_text('[connectors.files]\npath = "data"\n')
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    assert list_loaded(tmp_path, (*LIBRARIES, *ROOMS), "accounts") == "0 []"


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

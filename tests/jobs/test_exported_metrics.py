"""Metrics and bridge of the sandbox over an export, cell by cell those of its SQLite file."""

from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import make_url

from cs_sync_sandbox import Sandbox
from tests.jobs.road import Acme
from tests.metrics.test_databases import ENGINES

pytestmark = pytest.mark.slow("computes every metric of the sandbox twice")

RATES = "source_id,day,base,quote,rate\n" + "".join(
    f"{year}-{month},{year}-{month:02}-01,USD,EUR,0.9{month:02}\n"
    for year in (2023, 2024, 2025, 2026)
    for month in range(1, 13)
)
FILES = '\n[connectors.files]\npath = "data"\n'
LINES = (
    "metrics",
    "metrics --by plan --known-at 2026-01-05 --since 2025-11-01 --until 2026-01-01",
    "mrr --since 2025-06-01",
    "mrr --since 2025-06-01 --by plan --currency EUR",
)


@pytest.fixture(scope="module")
def exported(box: Sandbox, synced: Path, tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """Acme with dollar rates, closed months and an export."""
    folder = tmp_path_factory.mktemp("exported")
    copytree(synced, folder, dirs_exist_ok=True)
    place = Acme(folder, url=box.url, config=box.config_toml("cs_sync.db") + FILES)
    place.write("data/fx_rates.csv", RATES)
    place.connect()
    assert place.run("sync", "--only", "files").code == 0
    place.json("mrr")
    place.json("export", str(folder / "out"), "--format", "parquet")
    return place


def _round(value: Any) -> Any:
    """Sums of floats differ in their last digits, by their order."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _compute(place: Acme, *line: str) -> list[dict[str, Any]]:
    return [{name: _round(value) for name, value in row.items()} for row in place.json(*line)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("line", LINES)
def test_an_engine_computes_the_same(exported: Acme, engine: str, line: str) -> None:
    pytest.importorskip(ENGINES[engine], reason=f"the extra {engine} is optional")
    over = ("--engine", engine, "--export", str(exported.path / "out"))
    expected = _compute(exported, *line.split())
    assert len(expected) > 10
    assert _compute(exported, *line.split(), *over) == expected


@pytest.mark.parametrize("kind", ["postgresql", "duckdb"])
def test_a_copy_at_a_url_computes_the_same(
    exported: Acme, kind: str, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip({"postgresql": "psycopg"}.get(kind, kind), reason="the extra is optional")
    url = f"duckdb:///{exported.path / 'copy.duckdb'}"
    if kind == "postgresql":
        server = make_url(request.getfixturevalue("postgres"))
        url = server.update_query_dict({"schema": "acme"}).render_as_string(hide_password=False)
    (accounts,) = (r for r in exported.json("export", "--to", url) if r["table"] == "account")
    assert accounts["rows"] > 20
    for line in LINES:
        over = _compute(exported, *line.split(), "--engine", url)
        assert over == _compute(exported, *line.split()), line


def test_a_policy_that_was_not_computed_is_refused(exported: Acme) -> None:
    pytest.importorskip("duckdb", reason="the extra duckdb is optional")
    over = ("--engine", "duckdb", "--export", str(exported.path / "out"))
    ran = exported.run("metrics", "--metric", "mrr", "--policy", "stripe", *over)
    assert ran.code == 2
    assert "the export has no MRR under the policy stripe" in ran.err
    assert "run `cs-sync metrics --policy stripe` without --engine, then export again" in ran.err


def test_an_export_that_is_not_there_is_named(exported: Acme) -> None:
    ran = exported.run("metrics", "--engine", "duckdb", "--export", str(exported.path))
    assert ran.code == 2
    assert "holds no complete export" in ran.err

"""Exports as engines open them: what is missing, of another schema, or not installed."""

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from cs_sync.contracts.errors import ConfigError
from cs_sync.store.engines.manifest import Manifest, read_manifest, remove_manifest, write_manifest
from cs_sync.store.engines.open import open_export
from cs_sync_schemas.migrations import HEAD
from tests.conftest import NOW

EXPORT = Manifest(HEAD, "parquet", NOW, ("account",))


def check_refused(folder: Path, manifest: Manifest, *words: str, engine: str = "duckdb") -> None:
    with pytest.raises(ConfigError) as refused:
        open_export(engine, folder, manifest)
    for word in words:
        assert word in str(refused.value)


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_manifest(tmp_path, EXPORT)
    assert read_manifest(tmp_path) == EXPORT
    remove_manifest(tmp_path)
    remove_manifest(tmp_path)
    with pytest.raises(ConfigError, match=r"holds no complete export: no export\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "1"}', '{"exported_at": 5}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(ConfigError, match=r"export\.json cannot be read"):
        read_manifest(tmp_path)


def test_an_unknown_engine_names_those_there_are(tmp_path: Path) -> None:
    check_refused(tmp_path, EXPORT, "unknown engine 'dukdb'", "duckdb", engine="dukdb")


@pytest.mark.parametrize(
    ("engine", "module"), [("duckdb", "duckdb"), ("clickhouse", "chdb"), ("spark", "pysail.flight")]
)
def test_an_engine_that_is_not_installed_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "account.parquet").touch()
    words = f"{engine} is not installed", f"customer-success-sync[{engine}]"
    check_refused(tmp_path, EXPORT, *words, engine=engine)


def test_an_export_of_another_schema_is_refused(tmp_path: Path) -> None:
    older = replace(EXPORT, schema="0001")
    check_refused(
        tmp_path, older, f"has schema 0001, and this cs-sync reads {HEAD}", "export again"
    )


def test_an_export_in_another_format_is_refused(tmp_path: Path) -> None:
    check_refused(tmp_path, replace(EXPORT, format="csv"), "is csv", "--format parquet")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    check_refused(tmp_path, EXPORT, "lacks account.parquet", "--format parquet")


@pytest.mark.parametrize(
    ("engine", "module"), [("duckdb", "duckdb"), ("clickhouse", "chdb"), ("spark", "pysail")]
)
def test_a_damaged_file_is_named(tmp_path: Path, engine: str, module: str) -> None:
    pytest.importorskip(module, reason=f"the extra {engine} is optional")
    folder = tmp_path / "it's"
    folder.mkdir()
    (folder / "account.parquet").write_text("damaged")
    words = f"{engine} cannot read", "account.parquet", "export DIR"
    check_refused(folder, EXPORT, *words, engine=engine)

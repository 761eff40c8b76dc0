"""Opens an export in an engine by its name."""

from collections.abc import Mapping
from pathlib import Path

from cs_sync.contracts.errors import ConfigError
from cs_sync.store.engine import Store
from cs_sync.store.engines.clickhouse import CLICKHOUSE
from cs_sync.store.engines.dialect import EngineError, EngineKind, create_text_engine
from cs_sync.store.engines.duckdb import DUCKDB
from cs_sync.store.engines.manifest import EXPORT_AGAIN, Manifest, find_parquet_files
from cs_sync.store.engines.spark import SPARK

ENGINES: Mapping[str, EngineKind] = {"duckdb": DUCKDB, "clickhouse": CLICKHOUSE, "spark": SPARK}
"""The engines by the names that people and extras give them."""


def open_export(engine: str, folder: Path, manifest: Manifest) -> Store:
    """Open an export in an engine.

    Args:
        engine: The name of the engine.
        folder: The folder of the export.
        manifest: What the export says of itself.

    Raises:
        ConfigError: The engine is unknown or not installed, or the export is of another
            schema or format, or damaged.
    """
    if engine not in ENGINES:
        raise ConfigError(
            f"unknown engine {engine!r}",
            f"use one of {', '.join(ENGINES)} with --export, or the URL of `cs-sync export --to`",
        )
    kind, files = ENGINES[engine], find_parquet_files(folder, manifest)
    try:
        session = kind.start()
    except ImportError as error:
        raise report_missing(engine, error) from error
    for table, file in files.items():
        try:
            session.run(kind.write_view(table, file))
        except EngineError as error:
            session.close()
            raise ConfigError(
                f"{engine} cannot read {file}: {str(error).splitlines()[0]}", EXPORT_AGAIN
            ) from error
    return Store(create_text_engine(kind.dialect, session), read_only=True, is_copy=True)


def report_missing(engine: str, error: ImportError) -> ConfigError:
    """Return the error that says how to install an engine."""
    return ConfigError(
        f"the engine {engine} is not installed: {error.name} is missing",
        f"pip install 'customer-success-sync[{engine}]'",
    )

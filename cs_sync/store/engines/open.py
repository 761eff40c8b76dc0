"""Opens an export in an engine by its name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Engine

from cs_sync.contracts.errors import ConfigError
from cs_sync.store.engine import Store
from cs_sync.store.engines.dialect import EngineError
from cs_sync.store.engines.duckdb import open_duckdb
from cs_sync.store.engines.manifest import EXPORT_AGAIN, Manifest, find_parquet_files

OPENERS: Mapping[str, Callable[[Mapping[str, Path]], Engine]] = {"duckdb": open_duckdb}
"""Name → what opens the engine over the Parquet file of each table."""


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
    if engine not in OPENERS:
        raise ConfigError(f"unknown engine {engine!r}", f"use one of {', '.join(OPENERS)}")
    files = find_parquet_files(folder, manifest)
    try:
        opened = OPENERS[engine](files)
    except ImportError as error:
        raise ConfigError(
            f"the engine {engine} is not installed: {error.name} is missing",
            f"pip install 'customer-success-sync[{engine}]'",
        ) from error
    except EngineError as error:
        raise ConfigError(
            f"{engine} cannot read the export in {folder}: {str(error).splitlines()[0]}",
            EXPORT_AGAIN,
        ) from error
    return Store(opened, read_only=True, is_copy=True)

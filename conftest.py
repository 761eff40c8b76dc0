"""What holds for every test: neither the terminal, nor chance, nor a busy machine decides."""

import atexit
import gc
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine

from cs_sync.runtime import workspace
from cs_sync.store import engine as database
from cs_sync.store.engine import Store
from cs_sync.store.migrate import migrate_schema
from cs_sync.testing.databases import create_tables, speed_up

os.environ.pop("COLUMNS", None)

settings.register_profile(
    "same everywhere",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same everywhere")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: no collection of garbage needs to walk through them."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)


@pytest.fixture(scope="session", autouse=True)
def quick_databases() -> Iterator[None]:
    """Whoever opens a store in a test, the commands included, compiles no statement twice, and
    copies the tables of a new database; tests of `migrate` itself call the real one.
    """

    def opened(*arguments: Any, **options: Any) -> Engine:
        return speed_up(create_engine(*arguments, **options))

    def migrated(store: Store, now: datetime) -> Path | None:
        create_tables(store)
        return migrate_schema(store, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", opened)
        patch.setattr(workspace, "migrate_schema", migrated)
        yield

"""What holds for every test: neither the terminal, nor chance, nor a busy machine decides."""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine

from cs_sync.plugins import entry_points as plugins
from cs_sync.runtime import workspace
from cs_sync.store import engine as database
from cs_sync.store.engine import Store
from cs_sync.store.migrate import migrate_schema
from cs_sync.testing.databases import create_tables, speed_up

os.environ.pop("COLUMNS", None)

SAME_EVERYWHERE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("quick", SAME_EVERYWHERE, max_examples=25)
settings.register_profile("thorough", SAME_EVERYWHERE, max_examples=150)
settings.load_profile("quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: no collection of garbage needs to walk through them."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)


@pytest.fixture(scope="session", autouse=True)
def quick_databases() -> Iterator[None]:
    """Whoever opens a store in a test, the commands included, compiles no statement twice, and
    copies the tables of a new database; tests of `migrate` itself call the real one. What is
    installed is looked up once, unless a test adds a folder to the path.
    """
    path, installed = list(sys.path), cache(entry_points)

    def opened(*arguments: Any, **options: Any) -> Engine:
        return speed_up(create_engine(*arguments, **options))

    def migrated(store: Store, now: datetime) -> Path | None:
        create_tables(store)
        return migrate_schema(store, now)

    def listed(group: str) -> Any:
        return installed(group=group) if sys.path == path else entry_points(group=group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", opened)
        patch.setattr(workspace, "migrate_schema", migrated)
        patch.setattr(plugins, "entry_points", listed)
        yield

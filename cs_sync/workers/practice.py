"""A run of nothing, before the first real one: what it loads and compiles, all later ones have."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from sqlalchemy import text
from sqlalchemy.schema import DropSchema

from cs_sync.config.load import parse_config
from cs_sync.jobs.run import run_pipeline
from cs_sync.plugins import PluginRegistry
from cs_sync.runtime.workspace import open_workspace
from cs_sync.store.control.open import open_control
from cs_sync.workers.environment import build_environment, use_environment

SCHEMA = "cs_sync_practice"
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('cs_sync_practice'))"


def practise(url: str, plugins: PluginRegistry) -> None:
    """Run a workspace without connectors, in a schema that is gone afterwards.

    Args:
        url: The PostgreSQL that workers share.
        plugins: The loaded plugins; none of them hears of this run.

    Raises:
        CsSyncError: The database is away, or nothing may be created in it.
    """
    with _hold_schema(url), TemporaryDirectory() as folder:
        lines = ["[database]", f"url = {orjson.dumps(url).decode()}", f'schema = "{SCHEMA}"']
        path = Path(folder) / "cs_sync.toml"
        with use_environment(build_environment(os.environ, {})):
            config = parse_config("\n".join([*lines, "[report]", "keep = 0"]), path, plugins)
            with open_workspace(config, plugins, emit=lambda _event: None) as workspace:
                run_pipeline(workspace)


@contextmanager
def _hold_schema(url: str) -> Iterator[None]:
    """Have the schema to oneself; other workers wait for it."""
    control = open_control(url)
    drop = DropSchema(SCHEMA, cascade=True, if_exists=True)
    try:
        with control.write() as lock:
            lock.execute(text(_ALONE))
            with control.write() as connection:
                connection.execute(drop)
            yield
            with control.write() as connection:
                connection.execute(drop)
    finally:
        control.close()

"""A run of nothing, before the first real one: what it loads and compiles, all later ones have."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from cs_sync.config.load import parse_config
from cs_sync.jobs.run import run_pipeline
from cs_sync.plugins import PluginRegistry
from cs_sync.runtime.workspace import open_workspace
from cs_sync.store.control.passing_schema import hold_schema
from cs_sync.workers.environment import build_environment, use_environment

SCHEMA = "cs_sync_practice"


def run_practice(url: str, plugins: PluginRegistry) -> None:
    """Run a workspace without connectors, in a schema that is gone afterwards.

    Args:
        url: The PostgreSQL that workers share.
        plugins: The loaded plugins; none of them hears of this run.

    Raises:
        CsSyncError: The database is away, or nothing may be created in it.
    """
    with hold_schema(url, SCHEMA), TemporaryDirectory() as folder:
        lines = ["[database]", f"url = {orjson.dumps(url).decode()}", f'schema = "{SCHEMA}"']
        path = Path(folder) / "cs_sync.toml"
        with use_environment(build_environment(os.environ, {})):
            config = parse_config("\n".join([*lines, "[report]", "keep = 0"]), path, plugins)
            with open_workspace(config, plugins, emit=lambda _event: None) as workspace:
                run_pipeline(workspace)

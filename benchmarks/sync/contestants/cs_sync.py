"""cs-sync itself: its own connectors through its own engine into SQLite, lease and run included.

A second call on the same folder is a second run.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.sync.contestants.race import (
    HUBSPOT_TOKEN,
    STRIPE_KEY,
    Cost,
    Task,
    measured,
    run,
)
from cs_sync.config import load_config
from cs_sync.jobs.sync import sync_in_run
from cs_sync.plugins import load_plugins
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import open_workspace
from cs_sync.sync.windows import ReadRequest

SECTIONS = {
    "stripe": f'[connectors.stripe]\napi_key = "{STRIPE_KEY}"\n',
    "hubspot": f'[connectors.hubspot]\naccess_token = "{HUBSPOT_TOKEN}"\n',
    "files": "[connectors.files]\n",
}
IMPORTS = {
    "stripe": ("stripe", "cs_sync_stripe.streams"),
    "hubspot": ("hubspot.crm.objects", "hubspot.crm.owners"),
}
"""What a read imports where it first needs it: imports are not measured."""


def cs_sync(task: Task) -> Cost:
    """One run of the configured source."""
    plugins = load_plugins()
    config = load_config(_configured(task), plugins)
    if not task.paced:
        made: Any = plugins.sources[task.vendor]
        made.limits = ()
    with open_workspace(config, plugins) as workspace:
        workspace.sources()  # loads the connector, as the others have loaded their SDK
        for module in IMPORTS.get(task.vendor, ()):
            import_module(module)
        with measured() as cost, record_run(workspace, "sync") as recorded:
            sync_in_run(recorded, ReadRequest())
            summary = recorded.summary()
        if summary.status != "ok":
            raise SystemExit(f"the sync ended {summary.status}: {summary.message}")
        counted = ("customers", "subscriptions", "contacts")
        is_all = task.vendor == "files"
        cost.records = sum(
            o.stored.main for o in recorded.outcomes if is_all or o.stream in counted
        )
    return cost


def _configured(task: Task) -> Path:
    path = task.folder / "cs_sync.toml"
    where = "path" if task.vendor == "files" else "base_url"
    path.write_text(
        '[workspace]\nname = "benchmark"\n'
        f'[database]\nurl = "{task.database or f"sqlite:///{task.folder}/cs_sync.db"}"\n'
        f'{SECTIONS[task.vendor]}{where} = "{task.url}"\n'
    )
    path.chmod(0o600)
    return path


if __name__ == "__main__":
    run(cs_sync)

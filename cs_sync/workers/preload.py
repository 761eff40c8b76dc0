"""What every run needs, imported once for all runs of a worker, and never to import DBOS."""

import os
from contextlib import suppress

import cs_sync.http.client
import cs_sync.jobs.run
import cs_sync.metrics.registry
import cs_sync.store.control.budgets
import cs_sync.store.control.open
from cs_sync.plugins import load_plugins

with suppress(ImportError):  # the report is an extra
    import cs_sync.report.page  # noqa: F401
with suppress(ImportError):  # so is the analysis
    import scipy.linalg
    import scipy.sparse  # noqa: F401

PLUGINS = load_plugins(os.environ.get("CS_SYNC_DISABLED_PLUGINS", "").split(","))
"""Each run has its own copy, as it runs in a process of its own."""
LOADED = (*PLUGINS.sources, *PLUGINS.destinations)
"""Their names; asking for them loads the connectors."""

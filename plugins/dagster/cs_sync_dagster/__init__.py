"""cs-sync in Dagster: a component whose asset is materialized by a run."""

from cs_sync_dagster.component import CsSyncComponent

__all__ = ["CsSyncComponent"]

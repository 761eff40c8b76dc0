"""dlt's REST source, as its documentation sets it up for these two APIs, into SQLite or DuckDB."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

from benchmarks.sync.contestants.race import (
    HUBSPOT_TOKEN,
    PAGE,
    STRIPE_KEY,
    Cost,
    Task,
    Vendor,
    measured,
    run,
)

DESTINATION = os.environ.get("DLT_DESTINATION", "sqlite")


Picks = Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]


def dlt_pipeline(task: Task, picks: Picks | None = None) -> Cost:
    """One run of a fresh pipeline: extract, normalize, load; `picks` map the objects before."""
    pipeline = dlt.pipeline(
        pipeline_name=f"benchmark_{task.vendor}",
        pipelines_dir=str(task.folder / "pipelines"),
        destination=_destination(task.folder),
        dataset_name="main",
    )
    config = _config(task.vendor, task.url)
    if picks:
        for resource in config["resources"]:
            resource["processing_steps"] = [{"map": picks[resource["name"]]}]
    with measured() as cost:
        pipeline.run(rest_api_source(config))
    counts = pipeline.last_trace.last_normalize_info.row_counts
    cost.records = sum(counts.get(name, 0) for name in ("customers", "subscriptions", "contacts"))
    return cost


def _destination(folder: Path) -> Any:
    if DESTINATION == "duckdb":
        return dlt.destinations.duckdb(str(folder / "dlt.duckdb"))
    return dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'dlt.db'}")


def _config(vendor: Vendor, url: str) -> Any:
    return {"stripe": _stripe, "hubspot": _hubspot}[vendor](url)


def _stripe(url: str) -> dict[str, Any]:
    pages = {
        "type": "cursor",
        "cursor_path": "data[-1].id",
        "cursor_param": "starting_after",
        "has_more_path": "has_more",
    }
    return {
        "client": _client(f"{url}/v1/", STRIPE_KEY, pages),
        "resource_defaults": _defaults(),
        "resources": [
            _resource("customers", "data", {"limit": PAGE}),
            _resource("subscriptions", "data", {"limit": PAGE, "status": "all"}),
        ],
    }


def _hubspot(url: str) -> dict[str, Any]:
    pages = {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"}
    names = "email,firstname,lastname,jobtitle,associatedcompanyid"
    contacts = _resource("contacts", "results", {"limit": PAGE, "properties": names})
    return {
        "client": _client(f"{url}/crm/objects/2026-03/", HUBSPOT_TOKEN, pages),
        "resource_defaults": _defaults(),
        "resources": [contacts],
    }


def _client(url: str, token: str, paginator: dict[str, Any]) -> dict[str, Any]:
    return {
        "base_url": url,
        "auth": {"type": "bearer", "token": token},
        "paginator": paginator,
    }


def _defaults() -> dict[str, Any]:
    """Merged by id: the least that a second run needs to keep one row per object."""
    return {"primary_key": "id", "write_disposition": os.environ.get("DLT_WRITE", "merge")}


def _resource(name: str, selector: str, params: dict[str, Any]) -> dict[str, Any]:
    endpoint = {"path": name, "params": params, "data_selector": selector}
    return {"name": name, "endpoint": endpoint}


if __name__ == "__main__":
    run(dlt_pipeline)

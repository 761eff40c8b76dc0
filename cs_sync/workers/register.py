"""The list of workspaces: add, remove, pause, and what became of each."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from re import compile as compile_pattern
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import make_url

from cs_sync.config import Config, load_config
from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins import PluginRegistry
from cs_sync.store.control.workers import DEAD_AFTER, read_live_workers
from cs_sync.store.control.workspaces import (
    WorkspaceEntry,
    change_workspace,
    delete_workspace,
    insert_workspace,
    read_workspace,
    read_workspace_at,
    read_workspaces,
)
from cs_sync.store.engine import Store
from cs_sync.workers.due_times import Schedule, find_next_due_time
from cs_sync.workers.environment import build_environment, read_env_file, use_environment
from cs_sync.workers.run_process import get_schedule

NAME = compile_pattern(r"[a-z0-9][a-z0-9_-]{0,62}")
LIST_FIELDS = ("workspace", "config", "env_file", "place", "cron", "timezone", "paused")
STATUS_FIELDS = (
    "workspace", "state", "due", "last_status", "last_ended_at", "failures", "message",
)  # fmt: skip


def prepare_workspace(
    plugins: PluginRegistry,
    config_file: Path,
    *,
    name: str | None,
    env_file: Path | None,
    now: datetime,
) -> WorkspaceEntry:
    """Prepare the entry of a workspace for workers to run.

    Args:
        plugins: The loaded plugins.
        config_file: Its configuration, at the same path on every machine with a worker.
        name: Its name; by default that of its configuration.
        env_file: A file with the environment of its runs.
        now: The current time; the first run is the first slot after it.

    Raises:
        ConfigError: The configuration cannot be run by workers.
    """
    env_path = env_file.absolute() if env_file else None
    with use_environment(build_environment(os.environ, read_env_file(env_path))):
        config = load_config(config_file, plugins)
        _check_secrets(config, env_path)
    schedule = _require_schedule(name or config.workspace.name, config)
    return WorkspaceEntry(
        **asdict(schedule),
        config=str(config.path),
        env_file=str(env_path) if env_path else None,
        place=describe_place(config),
        paused=False,
        next_due_at=find_next_due_time(schedule, now),
    )


def add_workspace(control: Store, entry: WorkspaceEntry) -> None:
    """Add a workspace to those that workers run.

    Raises:
        ConfigError: Its name or place are taken.
    """
    with control.write() as connection:
        if not insert_workspace(connection, entry):
            _refuse_twin(
                read_workspace(connection, entry.name), read_workspace_at(connection, entry.place)
            )


def _require_schedule(name: str, config: Config) -> Schedule:
    """Return the schedule under a valid name.

    Raises:
        ConfigError: It is not a name, or no cron is configured.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is not a name of a workspace",
            "name it with --name: small letters, digits, - and _",
        )
    schedule = get_schedule(name, config)
    if schedule is None:
        raise ConfigError(
            f"{config.path.name} has no [schedule] cron, so no worker would ever run it",
            'add it, for example cron = "15 5 * * *" for every day at 05:15',
        )
    return schedule


def describe_place(config: Config) -> str:
    """Describe where a workspace's data are, without user and password.

    Raises:
        ConfigError: Not every worker could reach them there, or they are not apart.
    """
    url = make_url(config.database.url.get_secret_value())
    if url.get_backend_name() != "postgresql" or config.database.schema_name is None:
        raise ConfigError(
            f"{config.path.name}: workers need a PostgreSQL with a schema of this workspace's own",
            'set url and schema in [database], for example schema = "acme"',
        )
    return f"{url.host or 'local'}:{url.port or 5432}/{url.database}/{config.database.schema_name}"


def remove_workspace(control: Store, name: str) -> WorkspaceEntry:
    """Remove a workspace from the list; its data stay.

    Returns:
        The entry as it was; a run that is going on goes on to its end.

    Raises:
        ConfigError: There is none of that name.
    """
    with control.write() as connection:
        entry = _find_entry(read_workspace(connection, name), name)
        delete_workspace(connection, name)
    return entry


def pause_workspace(control: Store, name: str, *, paused: bool) -> WorkspaceEntry:
    """Start no further runs of a workspace, or start them again.

    Returns:
        The entry as it was; a run that is going on goes on to its end.

    Raises:
        ConfigError: There is none of that name.
    """
    with control.write() as connection:
        entry = _find_entry(read_workspace(connection, name), name)
        # Who pauses a workspace wants no failures of before to delay it afterwards.
        change_workspace(connection, name, paused=paused, failures=0)
    return entry


def list_workspaces(control: Store) -> list[dict[str, Any]]:
    """Return the files, data and schedule of each workspace."""
    with control.read() as connection:
        entries = read_workspaces(connection)
    renamed = {"workspace": "name"}
    return [
        {field: getattr(entry, renamed.get(field, field)) for field in LIST_FIELDS}
        for entry in entries
    ]


def list_statuses(control: Store) -> tuple[list[dict[str, Any]], int]:
    """Return a row per workspace, and how many workers live."""
    with control.read() as connection:
        entries = read_workspaces(connection)
        live = read_live_workers(connection, timedelta(seconds=DEAD_AFTER))
    return [describe_status(entry) for entry in entries], len(live)


def describe_status(entry: WorkspaceEntry) -> dict[str, Any]:
    """Return the row of a workspace's status."""
    if entry.started_at is not None:
        state = "running"
    elif entry.queued_slot is not None:
        state = "queued"
    else:
        state = "paused" if entry.paused else "waiting"
    return {
        "workspace": entry.name,
        "state": state,
        "due": entry.queued_slot or entry.next_due_at,
        "last_status": entry.last_status,
        "last_ended_at": entry.last_ended_at,
        "failures": entry.failures,
        "message": entry.last_message,
    }


def _check_secrets(config: Config, env_file: Path | None) -> None:
    """Check that the runs will find their secrets."""
    try:
        config.connectors.resolve_secrets(tuple(config.connectors))
    except ConfigError as error:
        where = env_file or "a file of NAME=VALUE lines"
        raise ConfigError(
            error.message,
            f"write it into {where}, and name that with --env-file: a run does not see the"
            " environment of its worker",
        ) from None


def _refuse_twin(by_name: WorkspaceEntry | None, by_place: WorkspaceEntry | None) -> None:
    """Raise the error of a workspace that is there already."""
    if by_name is not None:
        raise ConfigError(
            f"there is a workspace {by_name.name} already, from {by_name.config}",
            f"choose another --name, or cs-sync workspaces remove {by_name.name} first",
        )
    if by_place is not None:
        raise ConfigError(
            f"the workspace {by_place.name} has its data in {by_place.place}, too",
            "give each its own [database] schema: one would overwrite the other",
        )


def _find_entry(entry: WorkspaceEntry | None, name: str) -> WorkspaceEntry:
    if entry is None:
        raise ConfigError(f"there is no workspace {name}", "see cs-sync workspaces list")
    return entry

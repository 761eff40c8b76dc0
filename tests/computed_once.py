"""What a test run computes once and not again in every test: statements, commands, plugins."""

import sys
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import typer
from pluggy import PluginManager
from sqlalchemy import Engine, create_engine

from cs_sync.metrics.metric import Metric, Scope
from cs_sync.plugins import loader
from cs_sync.plugins.entry_points import PluginEntryPoint, find_entry_points
from cs_sync.queries import metric_rows
from cs_sync.report import drawing, page
from cs_sync.runtime import workspace
from cs_sync.store import engine as database
from cs_sync.store.engine import Store
from cs_sync.store.migrate import migrate_schema
from cs_sync.store.queries import health
from cs_sync.testing.databases import create_tables, speed_up


def compute_once(patch: pytest.MonkeyPatch) -> None:
    """Let whatever opens a store, runs a command or asks a metric use what others computed."""
    _share_databases(patch)
    _share_plugins(patch)
    _share_commands(patch)
    _share_metrics(patch)
    _share_signals(patch)
    _share_template(patch)


def _share_databases(patch: pytest.MonkeyPatch) -> None:
    """Compile no statement twice; copy the tables of a new database instead of creating them."""

    def opened(*arguments: Any, **options: Any) -> Engine:
        return speed_up(create_engine(*arguments, **options))

    def migrated(store: Store, *arguments: Any) -> Any:
        create_tables(store)
        return migrate_schema(store, *arguments)

    patch.setattr(database, "create_engine", opened)
    patch.setattr(workspace, "migrate_schema", migrated)


def _share_plugins(patch: pytest.MonkeyPatch) -> None:
    """Look up once what is installed, unless a test adds a folder, and the hooks of our plugins."""
    path, installed = list(sys.path), cache(lambda: list(find_entry_points()))

    def find() -> Iterator[PluginEntryPoint]:
        yield from installed() if sys.path == path else find_entry_points()

    patch.setattr(loader, "find_entry_points", find)
    parse, parsed = PluginManager.parse_hookimpl_opts, dict[Any, Any]()

    def parse_once(self: PluginManager, plugin: Any, name: str) -> Any:
        if not getattr(plugin, "__name__", "").startswith("cs_sync_"):
            return parse(self, plugin, name)
        if (plugin, name) not in parsed:
            parsed[plugin, name] = parse(self, plugin, name)
        return parsed[plugin, name]

    patch.setattr(PluginManager, "parse_hookimpl_opts", parse_once)


def _share_commands(patch: pytest.MonkeyPatch) -> None:
    """Build the command of a function once: it is the same in every application."""
    build, built = typer.main.get_command_from_info, dict[Any, Any]()

    def get_command(command_info: Any, **options: Any) -> Any:
        facts = {name: _plain(value) for name, value in vars(command_info).items()}
        key = command_info.callback, repr((facts, options))
        if key not in built:
            built[key] = build(command_info, **options)
        return copy(built[key])  # it keeps the names of its option for help

    patch.setattr(typer.main, "get_command_from_info", get_command)


def _plain(value: Any) -> Any:
    """The value of a default that typer wraps."""
    return getattr(value, "value", value)


def _share_metrics(patch: pytest.MonkeyPatch) -> None:
    """Build a metric's statement for a scope once, and list its tables once.

    No statement depends on the clock.
    """
    current, built = Metric.build_current_statement, dict[Any, Any]()

    def build(self: Metric, scope: Scope) -> Any:
        lasting = replace(scope, observed_until=None, minimum_n=0)
        key = self.build, self.name, repr((self.settings, self.splits, lasting))
        if key not in built:
            built[key] = current(self, scope)
        return built[key]

    patch.setattr(Metric, "build_current_statement", build)
    patch.setattr(metric_rows, "_name_tables", cache(metric_rows._name_tables))


def _share_signals(patch: pytest.MonkeyPatch) -> None:
    """Build the statement of a signal or of evidence for a scope once."""
    for name in ("_build_signal_query", "_build_evidence_query"):
        patch.setattr(health, name, _remember(getattr(health, name)))


def _remember(build: Callable[..., Any]) -> Callable[..., Any]:
    built = dict[str, Any]()

    def build_once(*arguments: Any) -> Any:
        key = repr(arguments)
        if key not in built:
            built[key] = build(*arguments)
        return built[key]

    return build_once


def _share_template(patch: pytest.MonkeyPatch) -> None:
    """Read the page's template once."""
    get_template = cache(page._load_template)

    def load_template(name: str) -> Any:
        drawing.import_extra("jinja2")
        return get_template(name)

    patch.setattr(page, "_load_template", load_template)

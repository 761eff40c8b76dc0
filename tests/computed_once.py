"""What a test run computes once and not again in every test: statements, commands, plugins."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from typing import Any

import pytest
from pluggy import PluginManager
from sqlalchemy import Engine, Select, create_engine

from cs_sync.contracts.hookspecs import PROJECT, HookSpecs
from cs_sync.metrics.bridge import select_bridge
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.plugins import PluginRegistry, entry_points, loader
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
    _share_host(patch)
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
    """Look up once what is installed, beside what a test adds, and the hooks of our plugins."""
    path, installed = list(sys.path), cache(lambda: list(find_entry_points()))
    lasting = cache(lambda: _list_points(path))

    def find() -> Iterator[PluginEntryPoint]:
        yield from installed() if sys.path == path else find_entry_points()

    def list_points(group: str) -> list[EntryPoint]:
        assert group == PROJECT
        added = _list_points([folder for folder in sys.path if folder not in path])
        return [point for points in (lasting() | added).values() for point in points]

    patch.setattr(loader, "find_entry_points", find)
    patch.setattr(entry_points, "entry_points", list_points)
    read, texts = entry_points._find_source_file, dict[str, SourceText]()

    def find_source(module: str) -> Any:
        if not module.startswith("cs_sync_"):
            return read(module)
        if module not in texts:
            texts[module] = SourceText(read(module).read_text("utf-8"))
        return texts[module]

    patch.setattr(entry_points, "_find_source_file", find_source)
    parse, parsed = PluginManager.parse_hookimpl_opts, dict[Any, Any]()

    def parse_once(self: PluginManager, plugin: Any, name: str) -> Any:
        if not getattr(plugin, "__name__", "").startswith("cs_sync_"):
            return parse(self, plugin, name)
        if (plugin, name) not in parsed:
            parsed[plugin, name] = parse(self, plugin, name)
        return parsed[plugin, name]

    patch.setattr(PluginManager, "parse_hookimpl_opts", parse_once)


def _share_host(patch: pytest.MonkeyPatch) -> None:
    """Read the host's hooks once, and look once whether its package is its own."""
    path, read = list(sys.path), PluginManager.parse_hookspec_opts
    read_once = cache(lambda name: read(PluginManager(PROJECT), HookSpecs, name))

    def read_options(self: PluginManager, module: Any, name: str) -> Any:
        return read_once(name) if module is HookSpecs else read(self, module, name)

    patch.setattr(PluginManager, "parse_hookspec_opts", read_options)
    module = import_module("cs_sync.cli.main")
    refuse, refuse_once = module.refuse_foreign_package, cache(module.refuse_foreign_package)

    def refuse_package() -> None:
        (refuse_once if sys.path == path else refuse)()

    patch.setattr(module, "refuse_foreign_package", refuse_package)


def _list_points(folders: list[str]) -> dict[str, list[EntryPoint]]:
    """Our entry points by distribution; the first of a name counts."""
    by_name = {each.name: each for each in reversed(list(distributions(path=folders)))}
    return {name: list(each.entry_points.select(group=PROJECT)) for name, each in by_name.items()}


@dataclass(frozen=True)
class SourceText:
    """The source of an installed module, read once."""

    text: str

    def read_text(self, _encoding: str) -> str:
        return self.text


def _share_commands(patch: pytest.MonkeyPatch) -> None:
    """Build the command line once for the same plugins."""
    module = import_module("cs_sync.cli.main")
    build, built = module.build_command, dict[Any, Any]()

    def build_command(plugins: PluginRegistry) -> Any:
        plugins._import_plugins("cs_sync_commands")
        given = plugins._manager.hook.cs_sync_commands.get_hookimpls()
        key = tuple(implementation.plugin for implementation in given)
        if key in built:
            return built[key]
        broken, command = len(plugins.broken), build(plugins)
        if len(plugins.broken) == broken:
            built[key] = command
        return command

    patch.setattr(module, "build_command", build_command)


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
    patch.setattr(metric_rows, "select_bridge", select_bridge_once)
    patch.setattr(metric_rows, "_find_tables", cache(metric_rows._find_tables))


BRIDGES = dict[tuple[str, bool], Select[Any]]()


def select_bridge_once(scope: Scope, *, by_account: bool = False) -> Select[Any]:
    """Build the bridge's statement for a scope once: building takes ten times what it runs."""
    key = repr(replace(scope, observed_until=None)), by_account
    if key not in BRIDGES:
        BRIDGES[key] = select_bridge(scope, by_account=by_account)
    return BRIDGES[key]


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

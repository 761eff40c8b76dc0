"""Loading of `cs_sync.toml` into a valid Config, or into one error with all mistakes."""

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from cs_sync.config.alerts import AlertSettings, MetricsFileSettings
from cs_sync.config.connectors import ConnectorSettings
from cs_sync.config.database_url import resolve_sqlite_path, validate_database_url
from cs_sync.config.model import (
    Config,
    DatabaseSettings,
    IdentitySettings,
    MetricsSettings,
    ReportSettings,
    ScheduleSettings,
    SyncSettings,
    WorkspaceSettings,
    WriteBackSettings,
)
from cs_sync.config.playbooks import PlaybookTables
from cs_sync.config.problems import (
    Problem,
    convert_validation_error,
    raise_problems,
    suggest_nearest,
)
from cs_sync.config.secrets import SecretResolver, is_own_reference, names_nothing, raise_combined
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.source import WorkspaceInfo
from cs_sync.follow_ups.settings import FollowUpSettings
from cs_sync.foresight.settings import ForesightSettings
from cs_sync.metrics.mrr.policy import PRESETS, MrrPolicy
from cs_sync.plugins import PluginRegistry

SECTIONS: dict[str, type[BaseModel]] = {
    "database": DatabaseSettings,
    "workspace": WorkspaceSettings,
    "identity": IdentitySettings,
    "metrics": MetricsSettings,
    "foresight": ForesightSettings,
    "follow_ups": FollowUpSettings,
    "write_back": WriteBackSettings,
    "sync": SyncSettings,
    "schedule": ScheduleSettings,
    "report": ReportSettings,
    "alerts": AlertSettings,
    "metrics_file": MetricsFileSettings,
}
"""Name → model of every section but `health`, `connectors`, `playbooks` and `plugins`."""
LOOKED_UP_LATER = ("alerts",)
"""Sections whose references are looked up when they are needed: not by every command."""


def load_config(path: Path | str, plugins: PluginRegistry) -> Config:
    """Load the configuration at `path`.

    References (`env:NAME` …) of a connector are resolved when it is used.

    Raises:
        ConfigError: Names the file and, for every mistake, the key, the line and the
            remedy.
    """
    path = Path(path).absolute()
    return parse_config(_read_text(path), path, plugins)


def parse_config(text: str, path: Path, plugins: PluginRegistry) -> Config:
    """Parse the text of a configuration at `path`.

    The file may not be there yet.

    Raises:
        ConfigError: As of `load_config`.
    """
    tables = _parse_toml(path, text)
    secrets = SecretResolver(path.parent, plugins)
    hide: set[str] = set()
    problems = _find_unknown_sections(tables)
    tables = {name: table for name, table in tables.items() if isinstance(table, Mapping)}
    raw_tables = _resolve_sections(tables, path, secrets)
    raw_tables["database"] = _place_database(raw_tables.get("database", {}), path, hide)
    sections = _parse_sections(raw_tables, plugins, problems)
    workspace = _describe_workspace(sections, path.parent)
    connectors, wrong = _load_connectors(tables, plugins, secrets, workspace, (path, text))
    problems += wrong + _find_policy_problems(sections.get("metrics"))
    problems += _find_metric_problems(sections.get("metrics"), plugins)
    follow_ups = sections.get("follow_ups")
    assigned = follow_ups is not None and follow_ups.assignee is not None
    problems += _configure_plugins(tables.get("plugins", {}), plugins, secrets)
    playbooks = PlaybookTables(tables.get("playbooks", {}), plugins, assigned=assigned)
    problems += playbooks.problems()
    write_back, report = sections.get("write_back"), sections.get("report")
    written = write_back.destinations if write_back else ()
    problems += _find_destination_problems("write_back.destination", written, connectors, plugins)
    problems += _find_report_problems(report.send_to if report else (), connectors, plugins)
    raise_problems(problems, path, text, hide | secrets.seen | connectors.find_plain_secrets())
    health = sections.pop("health", None)
    return Config(
        path=path,
        connectors=connectors,
        playbooks=playbooks,
        health_table=health,
        secrets=secrets,
        **sections,
    )


def _parse_sections(
    tables: Mapping[str, Any], plugins: PluginRegistry, problems: list[Problem]
) -> dict[str, Any]:
    """Return the valid sections; add the problems of the others to `problems`."""
    sections: dict[str, Any] = {}
    for name, model in _list_models(tables, plugins).items():
        table = tables.get(name, {})
        try:
            sections[name] = model.model_validate(table)
        except ValidationError as error:
            problems += convert_validation_error(error, model, name, table)
    return sections


def _list_models(tables: Mapping[str, Any], plugins: PluginRegistry) -> dict[str, type[BaseModel]]:
    """Return the models of the sections.

    That of `health`, with the signals of plugins, only where the file has one.
    """
    if "health" not in tables:
        return SECTIONS
    from cs_sync.health.model import HealthConfig
    from cs_sync.health.signals.registry import register_signals

    register_signals(plugins.signals.values())
    return {**SECTIONS, "health": HealthConfig}


def _configure_plugins(
    tables: Mapping[str, Any], plugins: PluginRegistry, secrets: SecretResolver
) -> list[Problem]:
    """Give the observers of events their tables; return the problems of these.

    References are looked up when the first event comes.
    """
    problems = [
        Problem(f"plugins.{name}", "there is no such plugin", suggest_nearest(name, plugins.names))
        for name in tables
        if name not in plugins.names
    ]
    problems += [
        Problem(f"plugins.{name}", "must be a table", f"write it as [plugins.{name}]")
        for name, table in tables.items()
        if not isinstance(table, Mapping)
    ]
    plugins.configure(lambda name: secrets.resolve_all(tables.get(name, {}), f"plugins.{name}"))
    return problems


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration at {path}",
            "cs-sync init writes one; --config FILE names another",
        ) from None
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path} cannot be read: {why}", "correct the file") from None


def _parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Return the parsed file; numbers and texts beyond our limits raise ConfigError."""
    try:
        tables = tomllib.loads(_HUGE_NUMBER.sub(str(2 * _MAX_INTEGER), text))
        problems = list(_find_unusable_values(tables))
    except tomllib.TOMLDecodeError as error:
        is_double = "twice" in str(error) or "overwrite" in str(error)
        remedy = "it stands in the file already: put the lines there" if is_double else ""
        raise ConfigError(
            f"{path.name} is not TOML: {error}", remedy or f"correct that line of {path}"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path.name} is nested too deeply", f"correct {path}") from None
    raise_problems(problems, path, text, set())
    return tables


_HUGE_NUMBER = re.compile(r"(?<![\w\"'])[0-9_]{4000,}(?![\w\"'])")
"""A number that Python refuses to convert; texts may have any length."""

_MAX_INTEGER = 2**63
_REFERENCE_REMEDY = "write env:NAME, file:PATH or keyring:NAME, or the value itself"


def _find_unusable_values(value: Any, key: str = "") -> Iterator[Problem]:
    """Yield values that TOML forbids or that no file can store."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _find_unusable_values(inner, f"{key}.{name}".strip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _find_unusable_values(inner, key)
    elif isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
        yield Problem(key, "is beyond 64 bits", "write a smaller number")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(key, "is not a finite number", "write a number")
    elif isinstance(value, str) and "\0" in value:
        yield Problem(key, "contains a NUL character", "type it again")
    elif isinstance(value, str) and names_nothing(value):
        yield Problem(key, "names nothing after the colon", _REFERENCE_REMEDY)


def _find_unknown_sections(tables: Mapping[str, Any]) -> list[Problem]:
    valid_names = [*SECTIONS, "health", "connectors", "playbooks", "plugins"]
    problems = [
        Problem(name, "unknown section", suggest_nearest(name, valid_names))
        for name in tables
        if name not in valid_names
    ]
    return problems + [
        Problem(name, "must be a table", f"write it as [{name}]")
        for name in valid_names
        if not isinstance(tables.get(name, {}), Mapping)
    ]


def _resolve_sections(
    tables: Mapping[str, Any], path: Path, secrets: SecretResolver
) -> dict[str, Any]:
    """Resolve the references of every section but the connectors.

    Only a key's own text is a reference: lists and tables inside hold names of other systems,
    such as the feature "file:uploaded". Those of alerts are looked up when one is sent.
    """
    resolved = {name: dict(table) for name, table in tables.items()}
    missing: list[ConfigError] = []
    for name in (*SECTIONS, "health"):
        for key, value in resolved.get(name, {}).items():
            if name not in LOOKED_UP_LATER and isinstance(value, str) and is_own_reference(value):
                try:
                    resolved[name][key] = secrets.resolve(value, f"{path.name}: {name}.{key}")
                except ConfigError as error:
                    missing.append(error)
    raise_combined(missing)
    return resolved


def _place_database(table: Mapping[str, Any], path: Path, hide: set[str]) -> Mapping[str, Any]:
    """Return the table with its URL relative to the file's folder."""
    default: SecretStr = DatabaseSettings().url
    url = table.get("url", default.get_secret_value())
    if not isinstance(url, str):
        return table
    if "@" in url:  # there may be a password before it
        hide.add(url)
    with suppress(ValueError):  # what is wrong with it is found where the section is checked
        validate_database_url(url)
        url = resolve_sqlite_path(url, path.parent)
    return {**table, "url": url}


def _describe_workspace(sections: Mapping[str, Any], folder: Path) -> WorkspaceInfo:
    """Return what connectors receive; where a section is wrong, its defaults."""
    workspace = sections.get("workspace", WorkspaceSettings())
    metrics = sections.get("metrics", MetricsSettings())
    return WorkspaceInfo(
        timezone=workspace.timezone,
        currency=workspace.currency,
        folder=folder,
        active_features=metrics.active_features,
    )


def _load_connectors(
    tables: Mapping[str, Any],
    plugins: PluginRegistry,
    secrets: SecretResolver,
    workspace: WorkspaceInfo,
    source: tuple[Path, str],
) -> tuple[ConnectorSettings, list[Problem]]:
    """Return the connectors and the problems of their tables."""
    connector_tables = tables.get("connectors", {})
    wrong = [
        Problem(f"connectors.{name}", "must be a table", _suggest_table(name, table))
        for name, table in connector_tables.items()
        if not isinstance(table, Mapping)
    ]
    usable = {name: table for name, table in connector_tables.items() if isinstance(table, Mapping)}
    connectors = ConnectorSettings(usable, plugins, secrets, workspace, source)
    return connectors, wrong + connectors.problems()


def _suggest_table(name: str, value: object) -> str:
    """Describe how to write a section.

    Several of one connector need names of their own.
    """
    if not isinstance(value, list):
        return f"write it as [connectors.{name}]"
    another = f'[connectors.{name}_2] with type = "{name}"'
    return f"write the first as [connectors.{name}], and another as {another}"


def _find_policy_problems(metrics: MetricsSettings | None) -> list[Problem]:
    """Return the problems of the MRR policy: unknown names and overrides."""
    if metrics is None:
        return []
    if metrics.policy not in PRESETS:
        return [
            Problem("metrics.policy", "unknown policy", suggest_nearest(metrics.policy, PRESETS))
        ]
    switches = [name for name in MrrPolicy.model_fields if name not in ("name", "zone")]
    overrides, key = dict(metrics.policy_overrides), "metrics.policy_overrides"
    problems = [
        Problem(f"{key}.{name}", "unknown key", suggest_nearest(name, switches))
        for name in overrides
        if name not in switches
    ]
    try:
        MrrPolicy.model_validate({name: overrides[name] for name in overrides if name in switches})
    except ValidationError as error:
        problems += convert_validation_error(error, MrrPolicy, key, overrides)
    return problems


def _find_metric_problems(
    metrics: MetricsSettings | None, plugins: PluginRegistry
) -> list[Problem]:
    """Return the problems of metric settings: unknown metrics, unknown keys, wrong types."""
    if metrics is None or not metrics.settings:
        return []
    from cs_sync.metrics.registry import list_builtin_metrics

    metrics_by_name = {
        metric.name: metric for metric in (*list_builtin_metrics(), *plugins.metrics.values())
    }
    problems = []
    for name, overrides in metrics.settings.items():
        key = f"metrics.settings.{name}"
        if name not in metrics_by_name:
            problems.append(Problem(key, "unknown metric", suggest_nearest(name, metrics_by_name)))
            continue
        for setting, value in overrides.items():
            if setting not in metrics_by_name[name].settings:
                remedy = suggest_nearest(setting, metrics_by_name[name].settings)
                problems.append(Problem(f"{key}.{setting}", "unknown key", remedy))
            elif expected := metrics_by_name[name].describe_expected(setting, value):
                message = f"must be {expected}, not {value!r}"
                problems.append(Problem(f"{key}.{setting}", message, "see docs/metrics.md"))
    return problems


def _find_destination_problems(
    key: str, names: Iterable[str], connectors: ConnectorSettings, plugins: PluginRegistry
) -> list[Problem]:
    """Return the problems of named destinations: not installed, not configured."""
    problems = []
    for name in names:
        if plugins.find_destination(connectors.types.get(name, name)) is None:
            remedy = suggest_nearest(name, list(plugins.destinations))
            problems.append(Problem(key, f"no installed connector writes to {name}", remedy))
        elif name not in connectors:
            remedy = f"add a [connectors.{name}] section"
            problems.append(Problem(key, f"{name} is not configured", remedy))
    return problems


def _find_report_problems(
    names: Sequence[str], connectors: ConnectorSettings, plugins: PluginRegistry
) -> list[Problem]:
    """Find the problems of the destinations of reports.

    Not each destination takes them.
    """
    key = "report.send_to"
    problems = _find_destination_problems(key, names, connectors, plugins)
    if problems or not names:
        return problems
    able = [name for name, made in plugins.destinations.items() if hasattr(made, "send_report")]
    return [
        Problem(
            key,
            f"{name} cannot receive reports",
            f"connectors that do: {', '.join(able) or 'none'}",
        )
        for name in names
        if connectors.types.get(name, name) not in able
    ]

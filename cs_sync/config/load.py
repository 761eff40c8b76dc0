"""Reads `cs_sync.toml` into a checked Config, or says everything that is wrong with it."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from cs_sync.config.connectors import Connectors
from cs_sync.config.database_url import anchored, check_database_url
from cs_sync.config.model import (
    Config,
    DatabaseSettings,
    IdentitySettings,
    MetricsSettings,
    ScheduleSettings,
    WorkspaceSettings,
    WriteBackSettings,
)
from cs_sync.config.problems import Problem, nearest, problems_of, raise_problems
from cs_sync.config.secrets import Secrets
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.source import Workspace
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.settings import FollowUpSettings, PlaybookSettings, read_settings
from cs_sync.health.model import HealthConfig
from cs_sync.metrics.mrr.policy import PRESETS, MrrPolicy
from cs_sync.plugins import Plugins

SECTIONS: dict[str, type[BaseModel]] = {
    "database": DatabaseSettings,
    "workspace": WorkspaceSettings,
    "identity": IdentitySettings,
    "metrics": MetricsSettings,
    "health": HealthConfig,
    "follow_ups": FollowUpSettings,
    "write_back": WriteBackSettings,
    "schedule": ScheduleSettings,
}


def load_config(path: Path | str, plugins: Plugins) -> Config:
    """The configuration in the file at `path`.

    Raises ConfigError that names the file and, for every mistake, the key, the line and the
    remedy. Values that point elsewhere (`env:NAME` …) are looked up when a connector is used.
    """
    path = Path(path).absolute()
    text = _text(path)
    tables = _tables(path, text)
    secrets = Secrets(path.parent, plugins)
    hide: set[str] = set()
    problems = _unknown_sections(tables)
    tables = {name: table for name, table in tables.items() if isinstance(table, Mapping)}
    given = {**tables, "database": _database(tables.get("database", {}), path, secrets, hide)}
    sections = _sections(given, problems)
    connectors, wrong = _connectors(
        tables, plugins, secrets, sections.get("workspace"), (path, text)
    )
    problems += wrong + _policy(sections.get("metrics"))
    problems += _metric_settings(sections.get("metrics"), plugins)
    sections["playbooks"], mistakes = _playbooks(
        tables.get("playbooks", {}), plugins, sections.get("follow_ups")
    )
    problems += mistakes
    problems += _destination(sections.get("write_back"), connectors, plugins)
    raise_problems(problems, path, text, hide | secrets.seen | connectors.plain_secrets())
    return Config(path=path, connectors=connectors, **sections)


def _sections(tables: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The sections that are well-formed; what is wrong with the others joins `problems`."""
    sections: dict[str, Any] = {}
    for name, model in SECTIONS.items():
        given = tables.get(name, {})
        try:
            sections[name] = model.model_validate(given)
        except ValidationError as error:
            problems += problems_of(error, model, name, given)
    return sections


def _text(path: Path) -> str:
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


def _tables(path: Path, text: str) -> dict[str, Any]:
    """Return the parsed file; its numbers and texts are those that TOML and we can hold."""
    try:
        tables = tomllib.loads(_ENDLESS.sub(str(2 * _WIDEST), text))
        problems = list(_unholdable(tables))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path.name} is not TOML: {error}", f"correct that line of {path}"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path.name} is nested too deeply", f"correct {path}") from None
    raise_problems(problems, path, text, set())
    return tables


_ENDLESS = re.compile(r"(?<![\w\"'])[0-9_]{4000,}(?![\w\"'])")
"""A number that Python refuses to convert; texts may have any length."""

_WIDEST = 2**63


def _unholdable(value: Any, key: str = "") -> Iterator[Problem]:
    """Yield what TOML does not allow but Python reads, or no file or table can be named."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _unholdable(inner, f"{key}.{name}".strip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _unholdable(inner, key)
    elif isinstance(value, int) and not -_WIDEST <= value < _WIDEST:
        yield Problem(key, "is beyond 64 bits", "write a smaller number")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(key, "is no finite number", "write a number")
    elif isinstance(value, str) and "\0" in value:
        yield Problem(key, "holds a NUL character", "write it anew")


def _unknown_sections(tables: Mapping[str, Any]) -> list[Problem]:
    known = [*SECTIONS, "connectors", "playbooks"]
    found = [
        Problem(name, "unknown section", nearest(name, known))
        for name in tables
        if name not in known
    ]
    return found + [
        Problem(name, "must be a table", f"write it as [{name}]")
        for name in known
        if not isinstance(tables.get(name, {}), Mapping)
    ]


def _database(
    given: Mapping[str, Any], path: Path, secrets: Secrets, hide: set[str]
) -> Mapping[str, Any]:
    """The table with its address looked up and anchored at the file's folder."""
    default: SecretStr = DatabaseSettings().url
    url = given.get("url", default.get_secret_value())
    if not isinstance(url, str):
        return given
    resolved = secrets.resolve(url, f"{path.name}: database.url")
    if "@" in resolved:  # there may be a password before it
        hide.add(resolved)
    with suppress(ValueError):  # what is wrong with it is found where the section is checked
        check_database_url(resolved)
        resolved = anchored(resolved, path.parent)
    return {**given, "url": resolved}


def _connectors(
    tables: Mapping[str, Any],
    plugins: Plugins,
    secrets: Secrets,
    workspace: WorkspaceSettings | None,
    source: tuple[Path, str],
) -> tuple[Connectors, list[Problem]]:
    """The connectors, and what is wrong with their tables."""
    given = tables.get("connectors", {})
    wrong = [
        Problem(f"connectors.{name}", "must be a table", _as_table(name, table))
        for name, table in given.items()
        if not isinstance(table, Mapping)
    ]
    if workspace is None:
        workspace = WorkspaceSettings()
    told = Workspace(
        timezone=workspace.timezone, currency=workspace.currency, folder=source[0].parent
    )
    usable = {name: table for name, table in given.items() if isinstance(table, Mapping)}
    connectors = Connectors(usable, plugins, secrets, told, source)
    return connectors, wrong + connectors.problems()


def _as_table(name: str, given: object) -> str:
    """How to write a section; several of one connector have names of their own."""
    if not isinstance(given, list):
        return f"write it as [connectors.{name}]"
    another = f'[connectors.{name}_2] with type = "{name}"'
    return f"write the first as [connectors.{name}], and another as {another}"


def _policy(metrics: MetricsSettings | None) -> list[Problem]:
    """The MRR policy must be a known one, and each override one of its switches."""
    if metrics is None:
        return []
    if metrics.policy not in PRESETS:
        return [Problem("metrics.policy", "unknown policy", nearest(metrics.policy, PRESETS))]
    switches = [name for name in MrrPolicy.model_fields if name not in ("name", "zone")]
    given, key = dict(metrics.policy_overrides), "metrics.policy_overrides"
    found = [
        Problem(f"{key}.{name}", "unknown key", nearest(name, switches))
        for name in given
        if name not in switches
    ]
    try:
        MrrPolicy.model_validate({name: given[name] for name in given if name in switches})
    except ValidationError as error:
        found += problems_of(error, MrrPolicy, key, given)
    return found


def _metric_settings(metrics: MetricsSettings | None, plugins: Plugins) -> list[Problem]:
    """Settings must be of metrics that there are, ours or those of plugins, and of their kind."""
    if metrics is None or not metrics.settings:
        return []
    from cs_sync.metrics.registry import builtin_metrics

    known = {metric.name: metric for metric in (*builtin_metrics(), *plugins.metrics.values())}
    found = []
    for name, given in metrics.settings.items():
        key = f"metrics.settings.{name}"
        if name not in known:
            found.append(Problem(key, "unknown metric", nearest(name, known)))
            continue
        for setting, value in given.items():
            if setting not in known[name].settings:
                remedy = nearest(setting, known[name].settings)
                found.append(Problem(f"{key}.{setting}", "unknown key", remedy))
            elif wanted := known[name].wanted(setting, value):
                message = f"must be {wanted}, not {value!r}"
                found.append(Problem(f"{key}.{setting}", message, "see docs/metrics.md"))
    return found


def _playbooks(
    given: Mapping[str, Any], plugins: Plugins, follow_ups: FollowUpSettings | None
) -> tuple[dict[str, PlaybookSettings], list[Problem]]:
    """The settings of every playbook, ours and those of plugins."""
    playbooks = {**PLAYBOOKS, **plugins.playbooks}
    defaults = {name: playbook.defaults for name, playbook in playbooks.items()}
    nobody = follow_ups is None or follow_ups.assignee is None
    unowned = [name for name, one in playbooks.items() if nobody and one.scope == "company"]
    settings, mistakes = read_settings(given, defaults, unowned)
    return settings, [Problem(m.key, m.message, m.remedy) for m in mistakes]


def _destination(
    write_back: WriteBackSettings | None, connectors: Connectors, plugins: Plugins
) -> list[Problem]:
    """Scores can only be written to a connector that is configured and writes."""
    key, problems, known = "write_back.destination", [], list(plugins.destinations)
    for name in write_back.destinations if write_back else ():
        if connectors.types.get(name, name) not in plugins.destinations:
            remedy = nearest(name, known)
            problems.append(Problem(key, f"no installed connector writes to {name}", remedy))
        elif name not in connectors:
            remedy = f"add a [connectors.{name}] section"
            problems.append(Problem(key, f"{name} is not configured", remedy))
    return problems

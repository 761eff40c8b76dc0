"""Writes a commented `cs_sync.toml` from what the connectors' settings say of themselves."""

import json
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from cs_sync.config.model import (
    DatabaseSettings,
    IdentitySettings,
    MetricsSettings,
    ScheduleSettings,
    WorkspaceSettings,
    WriteBackSettings,
)
from cs_sync.contracts.errors import ConfigError
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.settings import FollowUpSettings, duration_text
from cs_sync.health.model import DEFAULT_INPUTS, HealthConfig
from cs_sync.plugins import Plugins
from cs_sync.plugins.distributions import how_to_install

_HEADER = """\
# Configuration of cs-sync. A value may also be looked up elsewhere:
# "env:NAME" (environment), "file:PATH" (a file, from this folder), "keyring:NAME".
"""


def template(
    plugins: Plugins,
    connectors: Sequence[str],
    *,
    name: str = "workspace",
    timezone: str = "UTC",
    currency: str = "EUR",
) -> str:
    """The text of a configuration for these connectors; every required value is an env: reference.

    A connector may have a name of its own, as `stripe_de=stripe`.
    Raises ConfigError for a connector that is not installed.
    """
    workspace = {"name": name, "timezone": timezone, "currency": currency}
    parts = [_HEADER, _section("database", DatabaseSettings, {"url": "sqlite:///cs_sync.db"})]
    parts.append(_section("workspace", WorkspaceSettings, workspace))
    parts += [_connector(plugins, connector) for connector in connectors]
    parts.append(_section("identity", IdentitySettings, {}))
    parts.append(_section("metrics", MetricsSettings, {}))
    parts += [_health(), _section("follow_ups", FollowUpSettings, {}), _playbooks(plugins)]
    named = dict(map(_instance, connectors))
    writable = [name for name, kind in named.items() if kind in plugins.destinations]
    if writable:
        parts.append(_section("write_back", WriteBackSettings, {"destination": writable[0]}))
    parts.append(_section("schedule", ScheduleSettings, {"cron": "15 5 * * *"}))
    return "\n".join(parts)


def variables(text: str) -> list[str]:
    """The environment variables that a configuration asks for, in order."""
    return list(dict.fromkeys(re.findall(r'(?m)^[^#\n]*"env:(\w+)"', text)))


def write_template(path: Path, text: str) -> None:
    """Create the file, for its owner alone (0600); ConfigError when it exists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already and is left as it is",
            "edit it, or name another with --config FILE",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", "choose another folder"
        ) from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _section(
    title: str, model: type[BaseModel], values: Mapping[str, Any], connector: str = ""
) -> str:
    """A table: `values` as they are, every other field commented out with its default."""
    lines = [f"[{title}]"]
    for key, field in model.model_fields.items():
        if field.exclude or _has_no_address(key, field):
            continue
        if field.description:
            lines.append(f"# {' '.join(field.description.split())}")
        name = field.alias or key
        if key in values:
            lines.append(f"{name} = {_toml(values[key])}")
        else:
            lines.append(f"# {name} = {_toml(_example(key, field, connector))}")
    return "\n".join(lines) + "\n"


def _instance(text: str) -> tuple[str, str]:
    """(name, connector) of `stripe_de=stripe`, or of `stripe` alone."""
    name, _, kind = text.partition("=")
    return name, kind or name


def _connector(plugins: Plugins, connector: str) -> str:
    """A connector's table; what it requires is looked up in the environment."""
    name, kind = _instance(connector)
    settings = plugins.settings_of(kind)
    if settings is None:
        raise ConfigError(f"no connector {kind} is installed", how_to_install(kind))
    required = {
        key: f"env:{name.upper()}_{(field.alias or key).upper()}"
        for key, field in settings.model_fields.items()
        if field.is_required()
    }
    section = _section(f"connectors.{name}", settings, required, name)
    title, rest = section.split("\n", 1)
    return section if name == kind else f"{title}\ntype = {_toml(kind)}\n{rest}"


def _health() -> str:
    """The health model as it is without any setting, every line commented out."""
    lines = [
        "# How health is scored; weights total 100, points map a value to 0 … 100.",
        "[health]",
    ]
    settings = HealthConfig()
    lines += [f"# {key} = {_toml(getattr(settings, key))}" for key in ("mode", "minimum_coverage")]
    for name, part in DEFAULT_INPUTS.items():
        lines.append(f"# [health.inputs.{name}]")
        lines += [f"# {key} = {_toml(value)}" for key, value in part.items()]
    lines.append("# [health.bands]")
    lines += [f"# {name} = {_toml(float(edge))}" for name, edge in settings.bands.edges()]
    return "\n".join(lines) + "\n"


def _playbooks(plugins: Plugins) -> str:
    """How one playbook is set, and which there are."""
    names = ", ".join([*PLAYBOOKS, *plugins.playbooks])
    listed = textwrap.wrap(f"What leads to a follow-up; each has a table of its own: {names}.", 96)
    example = "[playbooks.detractor_call]", "enabled = true", 'due_in = "24h"'
    return "\n".join(f"# {line}" for line in (*listed, *example)) + "\n"


def _has_no_address(key: str, field: FieldInfo) -> bool:
    return key == "base_url" and not (field.is_required() or str(field.default).startswith("http"))


def _example(key: str, field: FieldInfo, connector: str) -> Any:
    if field.annotation is SecretStr or SecretStr in get_args(field.annotation):
        return f"env:{connector.upper()}_{key.upper()}"
    default = field.get_default(call_default_factory=True)
    return field.examples[0] if field.examples and not default else default


def _toml(value: Any) -> str:
    """A value as TOML; what has no simple form there is shown as an empty text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, timedelta):
        return f'"{duration_text(value)}"'
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps("" if value is None else str(value), ensure_ascii=False)

"""Template of `cs_sync.toml` with comments from the connectors' settings."""

import json
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from cs_sync.config.alerts import AlertSettings, MetricsFileSettings
from cs_sync.config.connectors import CONNECTOR_NAME, NAME_REMEDY
from cs_sync.config.email import EmailSettings
from cs_sync.config.load import parse_config
from cs_sync.config.model import (
    DatabaseSettings,
    IdentitySettings,
    MetricsSettings,
    ReportSettings,
    ScheduleSettings,
    SyncSettings,
    WorkspaceSettings,
    WriteBackSettings,
)
from cs_sync.contracts.errors import ConfigError
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.settings import FollowUpSettings, format_duration
from cs_sync.foresight.settings import ForesightSettings
from cs_sync.health.default_inputs import DEFAULT_INPUTS
from cs_sync.health.model import HealthConfig
from cs_sync.plugins import PluginRegistry
from cs_sync.plugins.distributions import how_to_install

_HEADER = """\
# Configuration of cs-sync. A value may also be looked up elsewhere:
# "env:NAME" (environment), "file:PATH" (a file, from this folder), "keyring:NAME".
"""


def render_template(
    plugins: PluginRegistry,
    connectors: Sequence[str],
    *,
    name: str = "workspace",
    timezone: str = "UTC",
    currency: str = "EUR",
    sections: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Render a configuration for these connectors; required values become env: references.

    Args:
        plugins: The installed plugins.
        connectors: Connector names; `stripe_de=stripe` names an instance.
        name: The workspace's name.
        timezone: The reporting zone.
        currency: The reporting currency.
        sections: The text of sections that are proposed, by connector; `check` tests them.

    Raises:
        ConfigError: A connector is not installed, or a value is wrong.
    """
    workspace = {"name": name, "timezone": timezone, "currency": currency}
    connectors = list(dict.fromkeys(connectors))
    parts = [
        _HEADER,
        _render_section("database", DatabaseSettings, {"url": "sqlite:///cs_sync.db"}),
    ]
    parts.append(_render_section("workspace", WorkspaceSettings, workspace))
    parts += [_render_connector(plugins, connector) for connector in connectors]
    proposed = len(parts)
    parts.append(_render_section("sync", SyncSettings, {}))
    parts.append(_render_section("identity", IdentitySettings, {}))
    parts.append(_render_section("metrics", MetricsSettings, {}))
    parts.append(_render_section("foresight", ForesightSettings, {}))
    parts += [
        _render_health(),
        _render_section("follow_ups", FollowUpSettings, {}),
        _render_playbooks(plugins),
    ]
    named = dict(map(_parse_instance, connectors))
    writable = [name for name, kind in named.items() if kind in plugins.destinations]
    if writable:
        parts.append(_render_section("write_back", WriteBackSettings, {"destination": writable[0]}))
    parts += _render_operation()
    parse_config("\n".join(parts), Path("cs_sync.toml").absolute(), plugins)
    return "\n".join([*parts[:proposed], *sections.values(), *parts[proposed:]])


def _render_operation() -> list[str]:
    """Render the sections on when it runs and whom it tells."""
    return [
        _render_section("schedule", ScheduleSettings, {"cron": "15 5 * * *"}),
        _render_section("report", ReportSettings, {}),
        "# " + _render_section("report.email", EmailSettings, {}),
        _render_section("alerts", AlertSettings, {}),
        "# " + _render_section("alerts.email", EmailSettings, {}),
        _render_section("metrics_file", MetricsFileSettings, {}),
    ]


def find_variables(text: str) -> list[str]:
    """Return the environment variables that a configuration references, in order."""
    return list(dict.fromkeys(re.findall(r'(?m)^[^#\n]*"env:(\w+)"', text)))


def write_template(path: Path, text: str) -> None:
    """Create the file, readable for its owner only (0600).

    Raises:
        ConfigError: It exists, or cannot be written.
    """
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


def _render_section(
    title: str, model: type[BaseModel], values: Mapping[str, Any], connector: str = ""
) -> str:
    """Render a table of the configuration.

    `values` are set; all other fields are commented out with their defaults.
    """
    lines = [f"[{title}]"]
    for key, field in model.model_fields.items():
        if field.exclude or _is_unused_base_url(key, field):
            continue
        if field.description:
            lines.append(f"# {' '.join(field.description.split())}")
        name = field.alias or key
        if key in values:
            lines.append(f"{name} = {_format_toml(values[key])}")
        else:
            lines.append(f"# {name} = {_format_toml(_example_value(key, field, connector))}")
    return "\n".join(lines) + "\n"


def _parse_instance(text: str) -> tuple[str, str]:
    """Return (name, connector) of `stripe_de=stripe`, or of `stripe` alone."""
    name, _, kind = text.partition("=")
    if not CONNECTOR_NAME.fullmatch(name):
        raise ConfigError(f"{text!r} cannot name a connector", NAME_REMEDY)
    return name, kind or name


def _render_connector(plugins: PluginRegistry, connector: str) -> str:
    """Render a connector's table.

    Required values are examples, or read from the environment.
    """
    name, kind = _parse_instance(connector)
    settings = plugins.find_config_class(kind)
    if settings is None:
        raise ConfigError(f"no connector {kind} is installed", how_to_install(kind))
    required = {
        key: field.examples[0]
        if field.examples
        else f"env:{name.upper()}_{(field.alias or key).upper()}"
        for key, field in settings.model_fields.items()
        if field.is_required()
    }
    section = _render_section(f"connectors.{name}", settings, required, name)
    title, rest = section.split("\n", 1)
    return section if name == kind else f"{title}\ntype = {_format_toml(kind)}\n{rest}"


def _render_health() -> str:
    """Render the default health model, every line commented out."""
    lines = [
        "# How health is scored; weights total 100, points map a value to 0 … 100.",
        "[health]",
    ]
    settings = HealthConfig()
    lines += [
        f"# {key} = {_format_toml(getattr(settings, key))}" for key in ("mode", "minimum_coverage")
    ]
    for name, part in DEFAULT_INPUTS.items():
        lines.append(f"# [health.inputs.{name}]")
        lines += [f"# {key} = {_format_toml(value)}" for key, value in part.items()]
    lines.append("# [health.bands]")
    lines += [
        f"# {name} = {_format_toml(float(edge))}" for name, edge in settings.bands.list_edges()
    ]
    return "\n".join(lines) + "\n"


def _render_playbooks(plugins: PluginRegistry) -> str:
    """Render an example of a playbook's settings, with all playbook names."""
    names = ", ".join([*PLAYBOOKS, *plugins.playbooks])
    listed = textwrap.wrap(f"What leads to a follow-up; each has a table of its own: {names}.", 96)
    example = "[playbooks.detractor_call]", "enabled = true", 'due_in = "24h"'
    return "\n".join(f"# {line}" for line in (*listed, *example)) + "\n"


def _is_unused_base_url(key: str, field: FieldInfo) -> bool:
    return key == "base_url" and not (field.is_required() or str(field.default).startswith("http"))


def _example_value(key: str, field: FieldInfo, connector: str) -> Any:
    secret = field.annotation is SecretStr or SecretStr in get_args(field.annotation)
    if secret and connector and not field.examples:
        return f"env:{connector.upper()}_{key.upper()}"
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return field.examples[0] if field.examples and not default else default


def _format_toml(value: Any) -> str:
    """Format a value as TOML; complex ones become empty texts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, timedelta):
        return f'"{format_duration(value)}"'
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format_toml, value))}]"
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{json.dumps(k)} = {_format_toml(v)}" for k, v in value.items()) + "}"
        )
    return json.dumps("" if value is None else str(value), ensure_ascii=False)

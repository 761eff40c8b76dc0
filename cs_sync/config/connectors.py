"""The `[connectors.NAME]` tables: validated at once, secrets resolved on first use.

A table is an instance of the connector that its `type` names, by default its own name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cs_sync.config.credentials import find_credential_problems
from cs_sync.config.problems import (
    Problem,
    collect_secret_values,
    convert_validation_error,
    raise_problems,
    suggest_nearest,
)
from cs_sync.config.secrets import SecretResolver, is_own_reference, raise_combined
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.source import ConnectorConfig, WorkspaceInfo
from cs_sync.plugins import PluginRegistry
from cs_sync.plugins.distributions import how_to_install

_TYPE = "type"
CONNECTOR_NAME = re.compile(r"[a-z][a-z0-9_]*")
NAME_REMEDY = "use small letters, digits and _, like stripe_de"


class ConnectorSettings(Mapping[str, ConnectorConfig]):
    """Settings by instance name; access resolves the instance's secrets."""

    def __init__(
        self,
        tables: Mapping[str, Mapping[str, Any]],
        plugins: PluginRegistry,
        secrets: SecretResolver,
        workspace: WorkspaceInfo,
        source: tuple[Path, str],
    ) -> None:
        self._tables = {
            name: {key: value for key, value in table.items() if key != _TYPE}
            for name, table in tables.items()
        }
        self._types: dict[str, str] = {
            name: table.get(_TYPE, name) for name, table in tables.items()
        }
        self._plugins = plugins
        self._secrets = secrets
        self._workspace = workspace
        self._source = source
        self._ready: dict[str, ConnectorConfig] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __contains__(self, name: object) -> bool:
        return name in self._tables

    def __repr__(self) -> str:
        return f"Connectors({', '.join(self._tables)})"

    def __getitem__(self, name: str) -> ConnectorConfig:
        if name not in self._ready:
            self._ready[name] = self._read(name, self._tables[name])
        return self._ready[name]

    @property
    def types(self) -> Mapping[str, str]:
        """Connector type of each instance."""
        return self._types

    def resolve_secrets(self, names: Iterable[str]) -> None:
        """Resolve the secrets of several connectors.

        Raises:
            ConfigError: Secrets are missing (one error names all), or two instances are equal,
                so that everything would be counted twice.
        """
        names, missing = tuple(names), list[ConfigError]()
        for name in names:
            try:
                self[name]
            except ConfigError as error:
                missing.append(error)
        raise_combined(missing)
        for first, other in combinations(names, 2):
            if self._types[first] == self._types[other] and _dump_settings(
                self[first]
            ) == _dump_settings(self[other]):
                raise ConfigError(
                    f"{self._source[0].name}: connectors.{other} says the same as "
                    f"connectors.{first},"
                    " and everything would be counted twice",
                    "remove one of the two, or give it the key of the other account",
                )

    def problems(self) -> list[Problem]:
        """Return the problems visible without secrets, such as unknown keys."""
        return [problem for name in self._tables for problem in self._find_table_problems(name)]

    def find_plain_secrets(self) -> set[str]:
        """Return the secrets in the file itself, to hide them in messages."""
        values: set[str] = set()
        for name, table in self._tables.items():
            model = self._find_config_class(name)
            values |= collect_secret_values(model, table) if model else set()
        return {value for value in values if not is_own_reference(value)}

    def _find_config_class(self, name: str) -> type[ConnectorConfig] | None:
        kind = self._types[name]
        return self._plugins.find_config_class(kind) if isinstance(kind, str) else None

    def _told(self, name: str) -> WorkspaceInfo:
        """Return the workspace settings that an instance receives."""
        key = f"{self._source[0].name}: connectors.{name}"
        writers = {
            setting: self._secrets.find_writer(value, f"{key}.{setting}")
            for setting, value in self._tables[name].items()
        }
        usable = {setting: writer for setting, writer in writers.items() if writer}
        return self._workspace.model_copy(update={"section": name, "secret_writers": usable})

    def _find_table_problems(self, name: str) -> list[Problem]:
        model = self._find_config_class(name)
        if model is None:
            return [_not_installed_problem(name, self._types[name], self._plugins)]
        table, key = self._tables[name], f"connectors.{name}"
        if not CONNECTOR_NAME.fullmatch(name):
            what = "is not a name: the records of a connector are stored under it"
            return [Problem(key, what, NAME_REMEDY)]
        if "workspace" in table:
            return [Problem(f"{key}.workspace", "unknown key", "remove it")]
        problems = list(find_credential_problems(table, model, key))
        try:
            model.model_validate({**table, "workspace": self._told(name)})
        except ValidationError as error:
            problems += [
                problem
                for problem in convert_validation_error(error, model, key, table)
                if not self._waits(problem, table, key)
            ]
        return problems

    def _waits(self, problem: Problem, table: Mapping[str, Any], key: str) -> bool:
        """Return whether only the referenced value decides about this problem."""
        if problem.message in ("unknown key", "is missing"):
            return False
        value: Any = table
        for part in problem.key.removeprefix(key).strip(".").split("."):
            value = value.get(part) if part and isinstance(value, Mapping) else value
        return self._has_reference(value)

    def _has_reference(self, value: Any) -> bool:
        if isinstance(value, Mapping):
            return any(map(self._has_reference, value.values()))
        if isinstance(value, list):
            return any(map(self._has_reference, value))
        return self._secrets.is_reference(value)

    def _read(self, name: str, table: Mapping[str, Any]) -> ConnectorConfig:
        model = self._find_config_class(name)
        if model is None:
            raise KeyError(name)
        key = f"connectors.{name}"
        resolved = self._secrets.resolve_all(table, f"{self._source[0].name}: {key}")
        problems = list(find_credential_problems(resolved, model, key))
        try:
            settings = model.model_validate({**resolved, "workspace": self._told(name)})
        except ValidationError as error:
            problems += convert_validation_error(error, model, key, resolved)
        raise_problems(
            problems, *self._source, self._secrets.seen | collect_secret_values(model, resolved)
        )
        return settings


def _dump_settings(settings: ConnectorConfig) -> dict[str, Any]:
    """Return all settings of a section, to compare instances."""
    return settings.model_dump()


def _not_installed_problem(name: str, kind: Any, plugins: PluginRegistry) -> Problem:
    key = f"connectors.{name}" if kind == name else f"connectors.{name}.{_TYPE}"
    for plugin in plugins.broken:
        if kind == plugin.name:
            what = f"{plugin.distribution} {plugin.version} cannot be used: {plugin.error}"
            return Problem(key, what, plugin.remedy)
    installed = sorted({*plugins.sources, *plugins.destinations})
    listed = ", ".join(installed) or "none"
    hint = suggest_nearest(str(kind), installed)
    remedy = hint if hint.startswith("did you mean") else how_to_install(str(kind))
    base = next((candidate for candidate in installed if name.startswith(f"{candidate}_")), None)
    if kind == name and base:
        remedy = f'add {_TYPE} = "{base}" if it is another {base}'
    return Problem(key, f"no such connector is installed (installed: {listed})", remedy)

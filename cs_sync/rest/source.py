"""Connectors from descriptions: the class that the host reads."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import httpx
from pydantic import ConfigDict, Field, SecretStr, create_model

from cs_sync.config.problems import suggest_nearest
from cs_sync.contracts.errors import (
    ConfigError,
    CredentialRefused,
    CsSyncError,
    PermissionMissing,
    RequestRefused,
    Throttled,
    Unreachable,
    VendorError,
)
from cs_sync.contracts.http import Http, Limit
from cs_sync.contracts.source import ConnectorConfig, Finding, Page, Stream, Window
from cs_sync.rest.description import (
    Description,
    ErrorRule,
    Setting,
    StreamRule,
    find_function,
    load_description,
    parse_description,
)
from cs_sync.rest.expressions import (
    evaluate_expression,
    fill_template,
    list_expressions,
    split_plain_path,
)
from cs_sync.rest.fields import RECORD_TYPES
from cs_sync.rest.reading import Api, StreamReader
from cs_sync.rest.shapes import list_shapes

_TYPES: Mapping[str, Any] = {
    "text": str,
    "secret": SecretStr,
    "number": float,
    "whole": int,
    "flag": bool,
    "list": tuple[str, ...],
    "table": dict[str, str],
}
_ERRORS: Mapping[str, type[VendorError]] = {
    "credential": CredentialRefused,
    "permission": PermissionMissing,
    "refused": RequestRefused,
    "unreachable": Unreachable,
    "throttled": Throttled,
}


class RestSource:
    """A source by its description; `make_source` makes the class of each."""

    name: ClassVar[str]
    Config: ClassVar[type[ConnectorConfig]]
    limits: ClassVar[Sequence[Limit]]
    concurrency: ClassVar[int]
    description: ClassVar[Description]

    def __init__(self, config: ConnectorConfig, http: Http) -> None:
        rule = self.description
        self.config = config
        values = _read_values(config)
        headers, auth = rule.auth.open(values)
        sent = {name: str(fill_template(each, values)) for name, each in rule.headers.items()}
        self.http = http.at(
            config.base_url,
            headers={**sent, **headers},
            auth=auth,
            classify=partial(_classify, rule.errors, config.section) if rule.errors else None,
            shapes=list_shapes(rule),
            names=rule.names,
        )
        public = config.model_dump(mode="json", exclude=_list_secrets(config))
        self._api = Api(self.http, {**public, "base_url": values["base_url"]})

    def streams(self) -> Sequence[Stream]:
        """Return the described streams."""
        return [self._make_stream(name, rule) for name, rule in self.description.streams.items()]

    def check(self) -> Iterator[Finding]:
        """Ask for one record of every stream."""
        window = Window(None, datetime.now(UTC))
        for name, rule in self.description.streams.items():
            try:
                if rule.read is None:
                    self._make_reader(name, rule).read_first(window)
                else:
                    next(iter(self._read_by_function(rule, window)), None)
                yield Finding(ok=True, subject=name, message="readable")
            except CsSyncError as error:
                remedy = error.remedy or f"Check {self.config.section}."
                yield Finding(ok=False, subject=name, message=error.message, remedy=remedy)

    def _make_stream(self, name: str, rule: StreamRule) -> Stream:
        read = self._make_reader(name, rule).read
        owned = {RECORD_TYPES[each]: parent for each, parent in rule.children.items()}
        loose = [*rule.list_extra(), *(RECORD_TYPES[each] for each in rule.extra)]
        versions = [*rule.list_snapshots(), *(RECORD_TYPES[each] for each in rule.snapshots)]
        return Stream(
            name,
            rule.type,
            read if rule.read is None else partial(self._read_by_function, rule),
            cursor=rule.cursor or ("none" if rule.since is None else "time"),
            lookback=rule.lookback,
            late=rule.late,
            lag=rule.lag,
            history=rule.history,
            splits=rule.splits,
            deletes=rule.deletes,
            scope=rule.scope,
            extra=tuple(dict.fromkeys(loose)),
            children=owned | rule.list_children(),
            snapshot=tuple(dict.fromkeys(versions)),
        )

    def _make_reader(self, name: str, rule: StreamRule) -> StreamReader:
        function = find_function(rule.map, type(self).__module__)
        custom = None if function is None else partial(function, config=self.config)
        return StreamReader(self._api, name, rule, self.description.get_pages, custom)

    def _read_by_function(self, rule: StreamRule, window: Window) -> Iterator[Page]:
        pages: Iterator[Page] = find_function(rule.read, type(self).__module__)(self, window)
        return pages


@cache
def load_connector(
    package: str, file: str = "connector.toml", *, config: type[ConnectorConfig] | None = None
) -> type[RestSource]:
    """Load the connector that a file of a package describes, once.

    Args:
        package: The package; `__package__` of its entry module.
        file: The file in it.
        config: The settings, where they are more than the description can say.

    Raises:
        ConfigError: The description is wrong.
    """
    path = Path(str(files(package) / file))
    return _make_class(load_description(path), package, config)


def make_source(
    tables: Mapping[str, Any], *, module: str, config: type[ConnectorConfig] | None = None
) -> type[RestSource]:
    """Make the connector that a dict describes.

    Args:
        tables: The description.
        module: `__name__` of the module that describes it.
        config: The settings, where they are more than the description can say.

    Raises:
        ConfigError: The description is wrong.
    """
    path = Path(f"{tables.get('name', module)}: description")
    return _make_class(parse_description(tables, path), module, config)


def _make_class(
    description: Description, module: str, config: type[ConnectorConfig] | None
) -> type[RestSource]:
    for rule in description.streams.values():
        find_function(rule.map, module)
        find_function(rule.read, module)
    title = "".join(part.capitalize() for part in description.name.split("_"))
    config = config or _make_config(description, title, module)
    _require_settings(description, config)
    facts: dict[str, Any] = {
        "__module__": module,
        "__doc__": f"Reads {', '.join(description.streams)} from {description.title or title}.",
        "name": description.name,
        "Config": config,
        "limits": description.limits,
        "concurrency": description.concurrency,
        "description": description,
    }
    if description.title is not None:
        facts["title"] = description.title
    if description.precedence is not None:
        facts["precedence"] = description.precedence
    return type(f"{title}Source", (RestSource,), facts)


def _require_settings(description: Description, config: type[ConnectorConfig]) -> None:
    """Require that what a credential or a header names is a setting."""
    places = {f"auth.{key}": text for key, text in description.auth.list_templates().items()}
    places |= {f"headers.{key}": text for key, text in description.headers.items()}
    known = {*config.model_fields, "base_url", "section"}
    for key, text in places.items():
        for expression in list_expressions(text):
            path = split_plain_path(expression)
            if path is not None and path[0] not in known:
                message = f"{description.name}: {key} names {path[0]}, which is not a setting"
                raise ConfigError(
                    message, suggest_nearest(path[0], known - {"section", "type", "workspace"})
                )


class _HiddenConfig(ConnectorConfig):
    """Settings whose values stand in no error."""

    model_config = ConfigDict(hide_input_in_errors=True)


def _make_config(description: Description, title: str, module: str) -> type[ConnectorConfig]:
    fields: dict[str, Any] = {n: _make_field(each) for n, each in description.settings.items()}
    made: type[ConnectorConfig] = create_model(
        f"{title}Config", __base__=_HiddenConfig, __module__=module, **fields
    )
    return made


def _make_field(setting: Setting) -> tuple[Any, Any]:
    kind = _TYPES[setting.kind]
    about = setting.description or None
    if setting.default is not None:
        default = kind(setting.default) if kind is SecretStr else setting.default
        return kind, Field(default=default, description=about)
    if setting.optional:
        return kind | None, Field(default=None, description=about)
    return kind, Field(description=about)


def _read_values(config: ConnectorConfig) -> dict[str, Any]:
    """Return all settings by name.

    With secrets: only for what is sent to the vendor.
    """
    values = {name: getattr(config, name) for name in type(config).model_fields}
    secrets = {n: v.get_secret_value() for n, v in values.items() if isinstance(v, SecretStr)}
    address = {"base_url": config.base_url.rstrip("/"), "section": config.section}
    return values | secrets | address | {"secret_writers": config.workspace.secret_writers}


def _list_secrets(config: ConnectorConfig) -> set[str]:
    names = type(config).model_fields
    return {name for name in names if isinstance(getattr(config, name), SecretStr)}


def _classify(
    rules: Sequence[ErrorRule], section: str, response: httpx.Response, body: Any
) -> VendorError | None:
    """Return the error of the first rule that holds.

    None leaves it to the host.
    """
    for rule in rules:
        if rule.status not in (None, response.status_code):
            continue
        if rule.when is not None and not evaluate_expression(rule.when, body):
            continue
        text = f"{response.request.url.path}: {response.status_code} ({rule.means})"
        error = _ERRORS[rule.means](text, rule.remedy.replace("{section}", section))
        error.status, error.body = response.status_code, body
        return error
    return None

"""The dlt side: a source out of its function, and what a resource gives, in memory."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import date, datetime
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from cs_sync import (
    ConfigError,
    CredentialRefused,
    CsSyncError,
    PermissionMissing,
    Throttled,
    Unreachable,
    Window,
)
from cs_sync.rest import suggest_nearest
from cs_sync_dlt.config import DltConfig, Since

_REFUSALS: Mapping[int, type[CsSyncError]] = {
    401: CredentialRefused,
    403: PermissionMissing,
    429: Throttled,
}


def load_dlt(config: DltConfig) -> ModuleType:
    """Import dlt, which sends no statistics of its own from here.

    Raises:
        ConfigError: It is not installed.
    """
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    try:
        return import_module("dlt")
    except ModuleNotFoundError:
        raise ConfigError(
            f"{config.section} needs dlt, which is not installed",
            'pip install "customer-success-sync-dlt[dlt]"',
        ) from None


def open_resources(config: DltConfig) -> Mapping[str, Any]:
    """Call the source's function; return its resources by name.

    Raises:
        ConfigError: There is no such function, or it cannot be called with these settings.
    """
    load_dlt(config)
    function = _find_function(config)
    try:
        made = function(**config.merge_settings())
    except Exception as error:  # noqa: BLE001 - a stranger's function, with the user's settings
        raise ConfigError(
            f"{config.source} does not take its settings: {type(error).__name__}: {error}",
            f"correct settings in {config.section}",
        ) from None
    resources = getattr(made, "resources", None)
    if resources is not None:
        return dict(resources)
    if hasattr(made, "apply_hints"):
        return {made.name: made}
    raise ConfigError(
        f"{config.source} does not return a dlt source or resource",
        "write it with @dlt.source or @dlt.resource",
    )


def find_resource(config: DltConfig, name: str) -> Any:
    """Return a resource that nobody has read yet.

    Raises:
        ConfigError: The source has none of this name.
    """
    resources = open_resources(config)
    if name not in resources:
        raise ConfigError(
            f"{config.source} has no resource {name}", suggest_nearest(name, resources)
        )
    return resources[name]


def limit_resource(config: DltConfig, resource: Any, since: Since, window: Window) -> None:
    """Let a resource begin with our window.

    dlt's own filter is off, as it compares texts: what the source gives is kept.
    """
    incremental = load_dlt(config).sources.incremental(
        since.cursor,
        initial_value=since.write(window.since),
        last_value_func=_keep_any,
        primary_key=(),
        on_cursor_value_missing="include",
    )
    resource.apply_hints(incremental=incremental)


def read_items(name: str, resource: Any) -> Iterator[Any]:
    """Yield the objects of a resource, as JSON has them.

    Raises:
        VendorError: The resource raised something.
    """
    with closing(iter(resource)) as items:
        try:
            for item in items:
                yield from map(convert_to_json, _list_rows(item))
        except Exception as error:  # noqa: BLE001 - whatever a stranger's resource raises
            raise describe_failure(name, error) from None


def describe_failure(name: str, error: BaseException) -> CsSyncError:
    """Return what a resource raised as an error of ours.

    Its kind follows from the answer behind it.
    """
    causes = list(_list_causes(error))
    answers = [getattr(each, "response", None) for each in causes]
    statuses = [getattr(each, "status_code", 0) for each in answers]
    kind = next((_REFUSALS[each] for each in statuses if each in _REFUSALS), Unreachable)
    cause = causes[-1]
    return kind(
        f"{name}: {type(cause).__name__}: {str(cause).strip() or 'no words'}",
        "Nothing stored is lost. Check settings and secrets.",
    )


def convert_to_json(item: Any) -> Any:
    """Return an object with times and numbers as JSON writes them."""
    return json.loads(json.dumps(item, default=_write_value))


def _keep_any(values: tuple[Any, ...]) -> Any:
    return values[0]


def _list_rows(item: Any) -> Iterable[Any]:
    """Return the rows of a table, or the object itself."""
    if hasattr(item, "to_pylist"):
        return list(item.to_pylist())
    if hasattr(item, "to_dict") and hasattr(item, "columns"):
        return list(item.to_dict("records"))
    return [item]


def _write_value(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, the first cause last."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _find_function(config: DltConfig) -> Any:
    address, _, name = config.source.rpartition(":")
    try:
        module = _load_file(config, address) if address.endswith(".py") else import_module(address)
        return getattr(module, name)
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
        raise ConfigError(
            f"{config.source} cannot be loaded: {type(error).__name__}: {error}",
            f"correct source in {config.section}: module:function, or FILE.py:function",
        ) from None


def _load_file(config: DltConfig, address: str) -> ModuleType:
    path = (config.workspace.folder / Path(address).expanduser()).resolve()
    name = f"cs_sync_dlt_source_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dlt asks for the module of a function
    spec.loader.exec_module(module)
    return module

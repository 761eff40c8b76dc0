"""Values that point elsewhere: `env:NAME`, `file:PATH`, `keyring:NAME`, or a plugin's vault."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins import Plugins

KEYRING_SERVICE = "cs-sync"
_REFERENCE = re.compile(r"([a-z][a-z0-9+._-]*):(.+)", re.DOTALL)
_OWN = ("env", "file", "keyring")


def is_own_reference(value: str) -> bool:
    """Return whether the text only says where a secret is, as `env:NAME` does."""
    scheme, colon, _ = value.partition(":")
    return bool(colon) and scheme in _OWN


class Secrets:
    """Looks references up; `seen` keeps what they stood for, so that no message repeats it."""

    def __init__(self, folder: Path, plugins: Plugins) -> None:
        self.seen: set[str] = set()
        self._folder = folder
        self._plugins = plugins

    def is_reference(self, value: Any) -> bool:
        """Whether the value may stand for another one."""
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        return match is not None and (match[1] in _OWN or self._vaulted(match[1]))

    def resolve_all(self, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        """A table with its references replaced; one ConfigError names all that is missing."""
        resolved: dict[str, Any] = {}
        missing: list[ConfigError] = []
        for name, value in table.items():
            try:
                resolved[name] = self.resolve(value, f"{key}.{name}")
            except ConfigError as error:
                missing.append(error)
        raise_together(missing)
        return resolved

    def resolve(self, value: Any, key: str) -> Any:
        """The value with every reference in it replaced; `key` names it in messages.

        Raises ConfigError naming the reference, never a value.
        """
        if isinstance(value, Mapping):
            return {name: self.resolve(inner, f"{key}.{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, f"{key}[{i}]") for i, inner in enumerate(value)]
        if not self.is_reference(value):
            return value
        scheme, _, name = value.partition(":")
        lookups: dict[str, Callable[[str, str], str]] = {
            "env": _from_environment,
            "file": self._from_file,
            "keyring": _from_keyring,
        }
        if scheme in lookups:
            found: str | None = lookups[scheme](name, key)
        else:
            found = self._plugins.secret(scheme, name)
        if found is None:  # no vault knows it: a plain value that happens to hold a colon
            return value
        self.seen.add(found)
        return found

    def _vaulted(self, scheme: str) -> bool:
        return scheme not in ("http", "https") and self._plugins.has_vault

    def _from_file(self, name: str, key: str) -> str:
        path = Path(name)
        try:
            path = self._folder / path.expanduser()
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeError, RuntimeError) as error:  # the last: nobody's home folder
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise ConfigError(
                f"{key}: {path} cannot be read ({why})",
                "write the value into that file, readable for the user that runs cs-sync",
            ) from None


def raise_together(errors: Sequence[ConfigError]) -> None:
    """The error, or one that holds them all; nothing when there is none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        messages = "\n".join(error.message for error in errors)
        remedies = "\n    ".join(dict.fromkeys(error.remedy for error in errors))
        raise ConfigError(messages, remedies)


def _from_environment(name: str, key: str) -> str:
    value = os.environ.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        raise ConfigError(f"{key}: environment variable {name} is {state}", f"export {name}=…")
    return value


def _from_keyring(name: str, key: str) -> str:
    try:
        keyring = import_module("keyring")
    except ModuleNotFoundError:
        raise ConfigError(
            f"{key}: keyring:{name} needs the keyring package",
            "pip install keyring, or use env:NAME or file:PATH",
        ) from None
    try:
        value = keyring.get_password(KEYRING_SERVICE, name)
    except Exception as error:  # noqa: BLE001 - every backend raises its own, maybe with values
        raise ConfigError(
            f"{key}: the keyring cannot be read ({type(error).__name__})", "unlock it and try again"
        ) from None
    if not value:
        raise ConfigError(
            f"{key}: the keyring has no {name}", f"keyring set {KEYRING_SERVICE} {name}"
        )
    return str(value)

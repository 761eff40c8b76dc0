"""References to values: `env:NAME`, `file:PATH`, `keyring:NAME`, or a plugin's vault."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins import PluginRegistry

KEYRING_SERVICE = "cs-sync"
_REFERENCE = re.compile(r"([a-z][a-z0-9+._-]*):(.+)", re.DOTALL)
_OWN_SCHEMES = ("env", "file", "keyring")


def is_own_reference(value: str) -> bool:
    """Return whether the text is only a reference, like `env:NAME`."""
    scheme, colon, _ = value.partition(":")
    return bool(colon) and scheme in _OWN_SCHEMES


def names_nothing(value: str) -> bool:
    """Return whether the text is a reference without a name, like `env:`."""
    return is_own_reference(value) and not value.partition(":")[2].strip()


class SecretResolver:
    """Resolves references; `seen` collects the values, to be masked in messages."""

    def __init__(self, folder: Path, plugins: PluginRegistry) -> None:
        self.seen: set[str] = set()
        self._folder = folder
        self._plugins = plugins

    def is_reference(self, value: Any) -> bool:
        """Return whether the value may be a reference."""
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        return match is not None and (match[1] in _OWN_SCHEMES or self._is_vault_scheme(match[1]))

    def resolve_all(self, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Return the table with its references resolved.

        Raises:
            ConfigError: One error names all missing values.
        """
        resolved: dict[str, Any] = {}
        missing: list[ConfigError] = []
        for name, value in table.items():
            try:
                resolved[name] = self.resolve(value, f"{key}.{name}")
            except ConfigError as error:
                missing.append(error)
        raise_combined(missing)
        return resolved

    def resolve(self, value: Any, key: str) -> Any:
        """Return the value with its references resolved, at any depth.

        Args:
            value: A value of the file.
            key: Its key, for messages.

        Raises:
            ConfigError: Names the unresolved reference, never a value.
        """
        if isinstance(value, Mapping):
            return {name: self.resolve(inner, f"{key}.{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, f"{key}[{i}]") for i, inner in enumerate(value)]
        if not self.is_reference(value):
            return value
        scheme, _, name = value.partition(":")
        lookups: dict[str, Callable[[str, str], str]] = {
            "env": _read_environment,
            "file": self._read_file,
            "keyring": _read_keyring,
        }
        if scheme in lookups:
            secret: str | None = lookups[scheme](name, key)
        else:
            secret = self._plugins.resolve_secret(scheme, name)
        if secret is None:  # no vault knows it: a plain value that happens to hold a colon
            return value
        self.seen.add(secret)
        return secret

    def find_writer(self, value: Any, key: str) -> Callable[[str], None] | None:
        """Return what replaces the secret behind a reference.

        None where it cannot be replaced from here: in the environment, or in a vault.

        Args:
            value: A value of the file.
            key: Its key, for messages.
        """
        scheme, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
        writers: dict[str, Callable[[str, str, str], None]] = {
            "file": self._write_file,
            "keyring": _write_keyring,
        }
        if scheme not in writers:
            return None

        def replace_secret(secret: str) -> None:
            self.seen.add(secret)
            writers[scheme](name, key, secret)

        return replace_secret

    def _write_file(self, name: str, key: str, secret: str) -> None:
        """Replace a file at once.

        A process that dies leaves the old one or the new one.
        """
        path = (self._folder / Path(name).expanduser()).resolve()
        fresh = path.with_name(f".{path.name}.new")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as to:
                to.write(secret)
                to.flush()
                os.fsync(to.fileno())
            fresh.replace(path)
        except OSError as error:
            raise ConfigError(
                f"{key}: the vendor exchanged the token, and {path} cannot be written"
                f" ({error.strerror})",
                "get a new token from the vendor, into a file that cs-sync may write",
            ) from None

    def _is_vault_scheme(self, scheme: str) -> bool:
        return scheme not in ("http", "https") and self._plugins.has_vault

    def _read_file(self, name: str, key: str) -> str:
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


def raise_combined(errors: Sequence[ConfigError]) -> None:
    """Raise the error, or one that combines several; do nothing without any."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        messages = "\n".join(error.message for error in errors)
        remedies = "\n    ".join(dict.fromkeys(error.remedy for error in errors))
        raise ConfigError(messages, remedies)


def _read_environment(name: str, key: str) -> str:
    value = os.environ.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        raise ConfigError(f"{key}: environment variable {name} is {state}", f"export {name}=…")
    return value


def _read_keyring(name: str, key: str) -> str:
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


def _write_keyring(name: str, key: str, secret: str) -> None:
    try:
        import_module("keyring").set_password(KEYRING_SERVICE, name, secret)
    except Exception as error:  # noqa: BLE001 - every backend raises its own, maybe with values
        raise ConfigError(
            f"{key}: the vendor exchanged the token, and the keyring cannot be written"
            f" ({type(error).__name__})",
            "get a new token from the vendor, and unlock the keyring",
        ) from None

"""The environment of a run: a few names of the worker's, and the workspace's own file."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cs_sync.contracts.errors import ConfigError

_SHARED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|PYTHON\w+|VIRTUAL_ENV"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|(https?|all|no)_proxy|CS_SYNC_DISABLED_PLUGINS"
    r"|SYSTEMROOT|DBUS_SESSION_BUS_ADDRESS|XDG_RUNTIME_DIR",
    re.IGNORECASE,
)
"""What a process needs to work at all; everything else may be somebody's secret."""
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)


def build_environment(present: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Build the environment of a workspace's run.

    Args:
        present: The environment of the worker; of it only what is nobody's secret.
        own: The workspace's own variables.
    """
    shared = {name: value for name, value in present.items() if _SHARED.fullmatch(name)}
    return {**shared, **own}


def read_env_file(path: Path | None) -> dict[str, str]:
    """Read a file of NAME=VALUE lines.

    Without a file there are no variables. Blank lines and those that begin with # are left out,
    quotes around a value are taken off.

    Raises:
        ConfigError: It cannot be read, or a line is not of this form; no value is shown.
    """
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"{path} cannot be read: {why}", "correct the file, or name another with --env-file"
        ) from None
    variables: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ConfigError(f"{path}, line {number}: is not NAME=VALUE", "correct that line")
        variables[match[1]] = _unquote(match[2].strip())
    return variables


@contextmanager
def use_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Have this environment, and nothing else, inside the block."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _unquote(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value

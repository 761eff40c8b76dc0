"""The lists that name every plugin: `python -m tests.plugin_lists` fills them.

Extras, paths of mypy, packages and contracts of import-linter in `pyproject.toml`, and what the
image installs: what stands in `plugins/` counts.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYPROJECT, DOCKERFILE = ROOT / "pyproject.toml", ROOT / "Dockerfile"
ENTRIES = (
    '{} = ["customer-success-sync-{}>=0.1,<0.2"]',
    '  "plugins/{}/cs_sync_{}",',
    '  "$MYPY_CONFIG_FILE_DIR/plugins/{}",',
    '  "cs_sync_{}",',
)
OTHERS = {"schemas", "sandbox", "pebble", "marble"}
"""Packages of ours that are not plugins."""


def list_plugins() -> list[str]:
    """The names of the folders that hold a plugin."""
    return sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


def list_connecting_plugins() -> list[str]:
    """The names of the plugins that cs-sync loads; those for schedulers load cs-sync."""
    manifests = {name: ROOT / "plugins" / name / "pyproject.toml" for name in list_plugins()}
    group = "[project.entry-points.cs_sync]"
    return [name for name, path in manifests.items() if group in path.read_text("utf-8")]


def fill_lists(text: str, plugins: Iterable[str]) -> str:
    """Replace every run of lines that name plugins by one line for each of these plugins."""
    names = list(plugins)
    return "\n".join(_fill_lines(text.split("\n"), names))


def fill_extras(text: str, plugins: Iterable[str]) -> str:
    """Replace the extras that the image installs: these plugins, PostgreSQL and the report."""
    extras = ",".join(sorted([*plugins, "postgres", "report"]))
    return re.sub(r"(?m)^ARG EXTRAS=.*$", f"ARG EXTRAS={extras}", text)


def _fill_lines(lines: Iterable[str], names: list[str]) -> Iterator[str]:
    for entry, run in groupby(lines, _find_entry):
        yield from run if entry is None else (entry.replace("{}", name) for name in names)


def _find_entry(line: str) -> str | None:
    for entry in ENTRIES:
        actual = re.fullmatch(re.escape(entry).replace(r"\{\}", r"(\w+)"), line)
        if actual and not OTHERS.intersection(actual.groups()):
            return entry
    return None


if __name__ == "__main__":
    PYPROJECT.write_text(fill_lists(PYPROJECT.read_text("utf-8"), list_plugins()), "utf-8")
    DOCKERFILE.write_text(
        fill_extras(DOCKERFILE.read_text("utf-8"), list_connecting_plugins()), "utf-8"
    )

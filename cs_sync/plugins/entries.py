"""The entry points of the group `cs_sync`, found without importing anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cs_sync.contracts.hooks import PROJECT
from cs_sync.plugins.plugin import Plugin


@dataclass(frozen=True, slots=True)
class Entry:
    """A plugin that is installed but not imported yet."""

    plugin: Plugin
    point: EntryPoint

    def load(self) -> Any:
        """Import it; raises whatever the plugin raises."""
        return self.point.load()

    def mentions(self, hook: str) -> bool:
        """Whether the source of its module names a hook; True when that cannot be told."""
        try:
            return hook in _source(self.point.module).read_text("utf-8")
        except (ImportError, OSError, ValueError):
            return True


def installed() -> Iterator[Entry]:
    """Every entry point with its distribution, in order of name."""
    entries = []
    for point in entry_points(group=PROJECT):
        name = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "?"
        entries.append(Entry(Plugin(point.name, name, version), point))
    yield from sorted(entries, key=lambda entry: entry.plugin.key)


def _source(module: str) -> Path:
    """The file of a module, found without importing the packages around it."""
    package, *inner = module.split(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(module)
    path = Path(spec.origin)
    if inner:
        path = path.parent.joinpath(*inner)
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path

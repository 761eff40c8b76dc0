"""The entry points of the group `cs_sync`, found without importing plugins."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import Struct

from cs_sync.contracts.hookspecs import PROJECT
from cs_sync.plugins.plugin import Plugin


class PluginEntryPoint(Struct, frozen=True):
    """An installed plugin, not imported yet."""

    plugin: Plugin
    point: EntryPoint

    def load(self) -> Any:
        """Import the plugin; whatever it raises is passed on."""
        return self.point.load()

    def mentions(self, hook: str) -> bool:
        """Return whether the module's source mentions a hook; True if unreadable."""
        try:
            return hook in _find_source_file(self.point.module).read_text("utf-8")
        except (ImportError, OSError, ValueError):
            return True


def find_entry_points() -> Iterator[PluginEntryPoint]:
    """Yield every entry point with its distribution, sorted by name."""
    entries = []
    for point in entry_points(group=PROJECT):
        name, version = "unknown", "?"
        if point.dist:
            facts = point.dist.metadata  # read and parsed at each access
            name, version = facts["Name"], facts["Version"]
        entries.append(PluginEntryPoint(Plugin(point.name, name, version), point))
    yield from sorted(entries, key=lambda entry: entry.plugin.key)


def _find_source_file(module: str) -> Path:
    """Return the file of a module without importing its packages."""
    package, *inner = module.split(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(module)
    path = Path(spec.origin)
    if inner:
        path = path.parent.joinpath(*inner)
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path

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
            spec = find_spec(self.point.module)
            return not (spec and spec.origin) or hook in Path(spec.origin).read_text("utf-8")
        except Exception:  # noqa: BLE001 - importing it will say what is wrong
            return True


def installed() -> Iterator[Entry]:
    """Every entry point with its distribution, in order of name."""
    entries = []
    for point in entry_points(group=PROJECT):
        name = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "?"
        entries.append(Entry(Plugin(point.name, name, version), point))
    yield from sorted(entries, key=lambda entry: entry.plugin.key)

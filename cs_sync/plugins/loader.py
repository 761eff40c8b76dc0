"""Discovery of the installed plugins; each is imported in isolation on first use."""

import logging
from collections.abc import Callable, Collection

import pluggy

from cs_sync.contracts.hookspecs import PROJECT, HookSpecs
from cs_sync.plugins.entry_points import find_entry_points
from cs_sync.plugins.plugin import BrokenPlugin
from cs_sync.plugins.registry import PluginRegistry

_log = logging.getLogger(__name__)


def load_plugins(
    disabled: Collection[str] = (),
    *,
    report: Callable[[BrokenPlugin], None] = lambda plugin: _log.warning("%s", plugin),
) -> PluginRegistry:
    """Find all usable installed plugins.

    Args:
        disabled: Plugins or distributions to skip.
        report: Called once for each broken plugin, on its first use.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    waiting = [
        entry
        for entry in find_entry_points()
        if entry.plugin.name not in disabled and entry.plugin.distribution not in disabled
    ]
    return PluginRegistry(manager, report, waiting)

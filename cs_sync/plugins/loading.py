"""Imports the entry points of the group `cs_sync`, each behind its own guard."""

import logging
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import EntryPoint, entry_points

import pluggy

from cs_sync.contracts.hooks import PROJECT, Hooks
from cs_sync.plugins.offers import Plugins
from cs_sync.plugins.plugin import BrokenPlugin, Plugin, broken

_log = logging.getLogger(__name__)


def load_plugins(
    disabled: Collection[str] = (),
    *,
    report: Callable[[BrokenPlugin], None] = lambda plugin: _log.warning("%s", plugin),
) -> Plugins:
    """Every installed plugin that can be used, in order of name.

    Only the entry modules are imported here; what they offer is asked for when it is first needed.
    `disabled` names plugins or distributions to leave alone. `report` is told of each broken one,
    now and when it breaks later.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    plugins = Plugins(manager, report)
    for point, plugin in sorted(_installed(), key=lambda found: found[1].key):
        if plugin.name in disabled or plugin.distribution in disabled:
            continue
        try:
            module = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's mistake stays his
            plugins.leave_out(broken(plugin, error))
            continue
        plugins.register(plugin, module)
    return plugins


def _installed() -> Iterator[tuple[EntryPoint, Plugin]]:
    for point in entry_points(group=PROJECT):
        distribution = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "?"
        yield point, Plugin(point.name, distribution, version)

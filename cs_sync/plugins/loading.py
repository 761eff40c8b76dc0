"""Finds the installed plugins; each is imported behind its own guard when it is first needed."""

import logging
from collections.abc import Callable, Collection

import pluggy

from cs_sync.contracts.hooks import PROJECT, Hooks
from cs_sync.plugins.entries import installed
from cs_sync.plugins.offers import Plugins
from cs_sync.plugins.plugin import BrokenPlugin

_log = logging.getLogger(__name__)


def load_plugins(
    disabled: Collection[str] = (),
    *,
    report: Callable[[BrokenPlugin], None] = lambda plugin: _log.warning("%s", plugin),
) -> Plugins:
    """Every installed plugin that can be used.

    `disabled` names plugins or distributions to leave alone. `report` is told once of each broken
    one, when it is first needed.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    waiting = [
        entry
        for entry in installed()
        if entry.plugin.name not in disabled and entry.plugin.distribution not in disabled
    ]
    return Plugins(manager, report, waiting)

"""The installed plugins and what they offer; one that is broken stops no other."""

from cs_sync.plugins.loading import load_plugins
from cs_sync.plugins.offers import Plugins
from cs_sync.plugins.plugin import BrokenPlugin, Plugin

__all__ = ["BrokenPlugin", "Plugin", "Plugins", "load_plugins"]

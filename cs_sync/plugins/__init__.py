"""The installed plugins and their offers; a broken one affects no other."""

from cs_sync.plugins.loader import load_plugins
from cs_sync.plugins.plugin import BrokenPlugin, Plugin
from cs_sync.plugins.registry import PluginRegistry

__all__ = ["BrokenPlugin", "Plugin", "PluginRegistry", "load_plugins"]

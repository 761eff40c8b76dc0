"""Registration of plugins: lazy import, validation, isolated calls."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pluggy

from cs_sync.contracts.errors import CsSyncError
from cs_sync.plugins.entry_points import PluginEntryPoint
from cs_sync.plugins.hook_validation import find_invalid_hook
from cs_sync.plugins.plugin import BrokenPlugin, Plugin, describe_broken_plugin


class PluginLoader:
    """The plugins: not yet imported, usable, and `broken` with their remedy."""

    def __init__(
        self,
        manager: pluggy.PluginManager,
        report: Callable[[BrokenPlugin], None],
        waiting: Sequence[PluginEntryPoint] = (),
    ) -> None:
        self.broken: list[BrokenPlugin] = []
        self._manager = manager
        self._report = report
        self._waiting = list(waiting)
        self._usable: dict[str, Plugin] = {}
        self._muted: set[str] = set()
        self._lock = threading.Lock()

    @property
    def names(self) -> set[str]:
        """The names of the installed plugins, imported or not."""
        waiting = {entry.plugin.name for entry in self._waiting}
        return waiting | {plugin.name for plugin in self._usable.values()}

    @property
    def hook(self) -> pluggy.HookRelay:
        """The relay that calls a hook of all plugins at once."""
        self._import_plugins()
        return self._manager.hook

    def register(self, plugin: Plugin, module: Any) -> None:
        """Register a plugin, or exclude it if its hooks are invalid."""
        wrong = find_invalid_hook(self._manager, module)
        if wrong:
            self.exclude_plugin(describe_broken_plugin(plugin, *wrong))
            return
        try:
            self._manager.register(module, name=plugin.key)
        except (pluggy.PluginValidationError, ValueError) as error:
            why = " ".join(str(error).split())
            self.exclude_plugin(
                describe_broken_plugin(plugin, why, "correct the hook as the docs show it")
            )
        else:
            self._usable[plugin.key] = plugin

    def exclude_plugin(self, plugin: BrokenPlugin) -> None:
        """Record a broken plugin and report it."""
        self.broken.append(plugin)
        self._report(plugin)

    def _import_plugins(self, mentioning: str = "") -> None:
        """Import the pending plugins: all, or those whose source mentions a hook."""
        for entry in list(self._waiting):
            if mentioning and not entry.mentions(mentioning):
                continue
            self._waiting.remove(entry)
            try:
                module = entry.load()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's mistake stays his
                self.exclude_plugin(describe_broken_plugin(entry.plugin, error))
            else:
                self.register(entry.plugin, module)

    def _hook_callers(
        self, hook: str, *, complete: bool = True
    ) -> list[tuple[Plugin, Callable[..., Any]]]:
        """List the plugins with the hook, each with its own caller.

        The caller calls it alone.
        """
        if complete:
            self._import_plugins()
        caller = getattr(self._manager.hook, hook)
        modules = [impl.plugin for impl in caller.get_hookimpls()]
        return [
            (
                self._usable[self._manager.get_name(module) or ""],
                self._manager.subset_hook_caller(hook, [m for m in modules if m is not module]),
            )
            for module in sorted(modules, key=lambda module: self._manager.get_name(module) or "")
        ]

    def _mute(self, plugin: Plugin, error: Exception) -> None:
        with self._lock:
            if plugin.key in self._muted:
                return
            self._muted.add(plugin.key)
        if isinstance(error, CsSyncError):
            self.exclude_plugin(describe_broken_plugin(plugin, error.message, error.remedy))
        else:
            self.exclude_plugin(describe_broken_plugin(plugin, error))

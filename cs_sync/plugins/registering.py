"""The plugins as such: imported when first needed, registered, each called on its own."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pluggy

from cs_sync.plugins.entries import Entry
from cs_sync.plugins.marks import wrong_hook
from cs_sync.plugins.plugin import BrokenPlugin, Plugin, broken


class PluginSet:
    """Plugins that wait, plugins that can be used, and the `broken` ones with their remedy."""

    def __init__(
        self,
        manager: pluggy.PluginManager,
        report: Callable[[BrokenPlugin], None],
        waiting: Sequence[Entry] = (),
    ) -> None:
        self.broken: list[BrokenPlugin] = []
        self._manager = manager
        self._report = report
        self._waiting = list(waiting)
        self._usable: dict[str, Plugin] = {}
        self._muted: set[str] = set()
        self._lock = threading.Lock()

    @property
    def hook(self) -> pluggy.HookRelay:
        """Calls a hook of all plugins at once."""
        self._import()
        return self._manager.hook

    def register(self, plugin: Plugin, module: Any) -> None:
        """Take a plugin in, or leave it out when its hooks are wrong."""
        wrong = wrong_hook(self._manager, module)
        if wrong:
            self.leave_out(broken(plugin, *wrong))
            return
        try:
            self._manager.register(module, name=plugin.key)
        except (pluggy.PluginValidationError, ValueError) as error:
            why = " ".join(str(error).split())
            self.leave_out(broken(plugin, why, "correct the hook as the docs show it"))
        else:
            self._usable[plugin.key] = plugin

    def leave_out(self, plugin: BrokenPlugin) -> None:
        """Remember a broken plugin and tell about it."""
        self.broken.append(plugin)
        self._report(plugin)

    def _import(self, mentioning: str = "") -> None:
        """Import the plugins that wait: all, or those whose source mentions a hook."""
        for entry in list(self._waiting):
            if mentioning and not entry.mentions(mentioning):
                continue
            self._waiting.remove(entry)
            try:
                module = entry.load()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's mistake stays his
                self.leave_out(broken(entry.plugin, error))
            else:
                self.register(entry.plugin, module)

    def _callers(
        self, hook: str, *, complete: bool = True
    ) -> list[tuple[Plugin, Callable[..., Any]]]:
        """Each plugin that implements the hook, with a call that reaches only that one."""
        if complete:
            self._import()
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
        self.leave_out(broken(plugin, error))

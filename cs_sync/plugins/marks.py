"""Whether a plugin's hooks are ones that cs-sync calls."""

import difflib
import inspect
from types import FunctionType
from typing import Any

import pluggy

from cs_sync.contracts.hooks import PROJECT, Hooks

HOOKS = tuple(name for name in vars(Hooks) if name.startswith(f"{PROJECT}_"))


def wrong_hook(manager: pluggy.PluginManager, module: Any) -> tuple[str, str] | None:
    """(error, remedy) of the first hook that cs-sync would never call; None when all is well."""
    marked = 0
    for name in dir(module):
        options = manager.parse_hookimpl_opts(module, name)
        if options is not None:
            marked += 1
            hook = options.get("specname") or name
            if hook not in HOOKS:
                nearest = (difflib.get_close_matches(hook, HOOKS, n=1) or [", ".join(HOOKS)])[0]
                return f"cs-sync has no hook {hook}", f"did you mean {nearest}?"
        elif name in HOOKS and isinstance(inspect.getattr_static(module, name), FunctionType):
            return f"{name} is not marked as a hook", "put @cs_sync.hookimpl above it"
    if not marked:
        return "it has no hook", f"mark one of these with @cs_sync.hookimpl: {', '.join(HOOKS)}"
    return None

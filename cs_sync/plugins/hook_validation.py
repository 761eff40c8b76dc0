"""Validation of plugins' hooks: known names, marked as hooks."""

import difflib
import inspect
from types import FunctionType
from typing import Any

import pluggy

from cs_sync.contracts.hookspecs import PROJECT, HookSpecs

HOOK_NAMES = tuple(name for name in vars(HookSpecs) if name.startswith(f"{PROJECT}_"))


def find_invalid_hook(manager: pluggy.PluginManager, module: Any) -> tuple[str, str] | None:
    """Find the first invalid hook as (error, remedy).

    None if all are valid.
    """
    marked = 0
    for name in dir(module):
        options = manager.parse_hookimpl_opts(module, name)
        if options is not None:
            marked += 1
            hook = options.get("specname") or name
            if hook not in HOOK_NAMES:
                nearest = (
                    difflib.get_close_matches(hook, HOOK_NAMES, n=1) or [", ".join(HOOK_NAMES)]
                )[0]
                return f"cs-sync has no hook {hook}", f"did you mean {nearest}?"
        elif name in HOOK_NAMES and isinstance(inspect.getattr_static(module, name), FunctionType):
            return f"{name} is not marked as a hook", "put @cs_sync.hookimpl above it"
    if not marked:
        return (
            "it has no hook",
            f"mark one of these with @cs_sync.hookimpl: {', '.join(HOOK_NAMES)}",
        )
    return None

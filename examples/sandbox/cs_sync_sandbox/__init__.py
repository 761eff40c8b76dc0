"""Acme, a small SaaS company whose Stripe, HubSpot, Zendesk and PostHog answer on loopback.

The names below are loaded when first used, so that the `demo` command costs nothing in --help.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cs_sync_sandbox.process import Sandbox
    from cs_sync_sandbox.server import create_app
    from cs_sync_sandbox.world import World, build_world

__all__ = ["Sandbox", "World", "build_world", "create_app"]

_HOMES = {"Sandbox": "process", "create_app": "server", "World": "world", "build_world": "world"}


def __getattr__(name: str) -> Any:
    """A public name, from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"cs_sync_sandbox.{_HOMES[name]}"), name)

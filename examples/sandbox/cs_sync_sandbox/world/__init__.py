"""Acme's world: 24 months of a small SaaS company, deterministic by seed."""

from cs_sync_sandbox.world.build import build_world
from cs_sync_sandbox.world.records import World

__all__ = ["World", "build_world"]

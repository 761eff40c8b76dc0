"""Acme, a small SaaS company whose Stripe, HubSpot, Zendesk and PostHog answer on loopback."""

from cs_sync_sandbox.process import Sandbox
from cs_sync_sandbox.server import create_app
from cs_sync_sandbox.world import World, build_world

__all__ = ["Sandbox", "World", "build_world", "create_app"]

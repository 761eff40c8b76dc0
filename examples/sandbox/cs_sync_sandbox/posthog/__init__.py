"""PostHog on loopback: Acme's product analytics under `/posthog`."""

from cs_sync_sandbox.posthog.service import list_routes

__all__ = ["list_routes"]

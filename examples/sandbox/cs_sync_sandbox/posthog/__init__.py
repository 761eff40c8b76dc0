"""PostHog on loopback: Acme's product analytics under `/posthog`."""

from cs_sync_sandbox.posthog.service import routes

__all__ = ["routes"]

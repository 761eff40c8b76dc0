"""Zendesk on loopback: Acme's support desk under `/zendesk`."""

from cs_sync_sandbox.zendesk.service import routes

__all__ = ["routes"]

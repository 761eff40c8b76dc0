"""Zendesk on loopback: Acme's support desk under `/zendesk`."""

from cs_sync_sandbox.zendesk.service import list_routes

__all__ = ["list_routes"]

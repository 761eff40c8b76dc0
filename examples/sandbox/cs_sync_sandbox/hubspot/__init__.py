"""HubSpot on loopback: Acme's portal under `/hubspot`, stateful, dated paths 2026-03 only."""

from cs_sync_sandbox.hubspot.page import page_routes
from cs_sync_sandbox.hubspot.portal import Portal
from cs_sync_sandbox.hubspot.seed import portal_of
from cs_sync_sandbox.hubspot.service import routes

__all__ = ["Portal", "page_routes", "portal_of", "routes"]

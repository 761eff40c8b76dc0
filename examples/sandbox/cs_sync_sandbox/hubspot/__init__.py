"""HubSpot on loopback: Acme's portal under `/hubspot`, stateful, dated paths 2026-03 only."""

from cs_sync_sandbox.hubspot.page import list_page_routes
from cs_sync_sandbox.hubspot.portal import Portal
from cs_sync_sandbox.hubspot.seed import build_portal
from cs_sync_sandbox.hubspot.service import list_routes

__all__ = ["Portal", "build_portal", "list_page_routes", "list_routes"]

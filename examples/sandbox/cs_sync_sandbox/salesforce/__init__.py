"""Salesforce on loopback: an org under `/salesforce`, stateful, API version 67.0 only."""

from cs_sync_sandbox.salesforce.org import Org
from cs_sync_sandbox.salesforce.service import list_routes

__all__ = ["Org", "list_routes"]

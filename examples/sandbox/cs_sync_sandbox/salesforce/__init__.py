"""Salesforce on loopback: an org under `/salesforce`, stateful, API version 67.0 only."""

from cs_sync_sandbox.salesforce.org import Org
from cs_sync_sandbox.salesforce.seed import SOBJECTS, add_record, build_org, build_small_org
from cs_sync_sandbox.salesforce.service import list_routes

__all__ = ["SOBJECTS", "Org", "add_record", "build_org", "build_small_org", "list_routes"]

"""cs-sync: which customers are about to leave, why, and what to do about it.

The names below are all that a plugin needs.
"""

from cs_sync.contracts.destination import Ack, Destination, FieldSpec, Found, Op, Reject
from cs_sync.contracts.errors import (
    AnswerUnknown,
    ConfigError,
    CredentialRefused,
    CsSyncError,
    PermissionMissing,
    RequestRefused,
    Throttled,
    Unreachable,
    VendorError,
)
from cs_sync.contracts.events import Event
from cs_sync.contracts.hooks import hookimpl
from cs_sync.contracts.http import Http, Limit
from cs_sync.contracts.source import (
    ConnectorConfig,
    Finding,
    Page,
    Rejection,
    Row,
    Source,
    Stream,
    Window,
    Workspace,
)

__all__ = [
    "Ack",
    "AnswerUnknown",
    "ConfigError",
    "ConnectorConfig",
    "CredentialRefused",
    "CsSyncError",
    "Destination",
    "Event",
    "FieldSpec",
    "Finding",
    "Found",
    "Http",
    "Limit",
    "Op",
    "Page",
    "PermissionMissing",
    "Reject",
    "Rejection",
    "RequestRefused",
    "Row",
    "Source",
    "Stream",
    "Throttled",
    "Unreachable",
    "VendorError",
    "Window",
    "Workspace",
    "hookimpl",
]

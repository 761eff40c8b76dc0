"""cs-sync: which customers are about to leave, why, and what to do about it.

The names below are all that a plugin needs. They are loaded when first used, so that a plugin's
entry module and the command line's help start without the schema and its database library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cs_sync.contracts.destination import (
        Ack,
        Addresses,
        Destination,
        FieldSpec,
        Op,
        OpenFollowUp,
        Reject,
        RemoteAccount,
        RemoteObject,
        ReportMessage,
        SupportsDriftCheck,
        SupportsOpenFollowUps,
        SupportsReport,
        Value,
    )
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
    from cs_sync.contracts.hookspecs import hookimpl
    from cs_sync.contracts.http import Http, Limit, ResponseNames, Shape, is_loopback
    from cs_sync.contracts.lists import PaginationGuard
    from cs_sync.contracts.mapping import MappingError, map_each
    from cs_sync.contracts.side_by_side import map_side_by_side
    from cs_sync.contracts.source import (
        ConnectorConfig,
        Finding,
        HasPrecedence,
        Page,
        Rejection,
        Row,
        Source,
        Stream,
        Window,
        WorkspaceInfo,
    )
    from cs_sync.follow_ups import (
        AccountView,
        CompanyView,
        Playbook,
        PlaybookSettings,
        Proposal,
        Question,
    )
    from cs_sync.settings import Settings

__all__ = [
    "AccountView",
    "Ack",
    "Addresses",
    "AnswerUnknown",
    "CompanyView",
    "ConfigError",
    "ConnectorConfig",
    "CredentialRefused",
    "CsSyncError",
    "Destination",
    "Event",
    "FieldSpec",
    "Finding",
    "HasPrecedence",
    "Http",
    "Limit",
    "MappingError",
    "Op",
    "OpenFollowUp",
    "Page",
    "PaginationGuard",
    "PermissionMissing",
    "Playbook",
    "PlaybookSettings",
    "Proposal",
    "Question",
    "Reject",
    "Rejection",
    "RemoteAccount",
    "RemoteObject",
    "ReportMessage",
    "RequestRefused",
    "ResponseNames",
    "Row",
    "Settings",
    "Shape",
    "Source",
    "Stream",
    "SupportsDriftCheck",
    "SupportsOpenFollowUps",
    "SupportsReport",
    "Throttled",
    "Unreachable",
    "Value",
    "VendorError",
    "Window",
    "WorkspaceInfo",
    "hookimpl",
    "is_loopback",
    "map_each",
    "map_side_by_side",
]

_CONTRACTS = (
    *("hookspecs", "errors", "events", "http", "lists", "side_by_side", "source", "mapping"),
    "destination",
)
_HOMES = (
    *(f"cs_sync.contracts.{name}" for name in _CONTRACTS),
    "cs_sync.settings",
    "cs_sync.follow_ups",
)


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(home)
            if name in vars(module):
                globals()[name] = vars(module)[name]
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

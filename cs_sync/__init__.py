"""cs-sync: which customers are about to leave, why, and what to do about it.

`open` opens a workspace in a script or a notebook; the other names are all that a plugin needs.
They are loaded when first used, so that a plugin's entry module and the command line's help start
without the schema and its database library.
"""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync.api.workspace import Workspace, open
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
        SupportsSetup,
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
    from cs_sync.contracts.mapping import Mapped, MappingError, Rejection, Row, map_each
    from cs_sync.contracts.side_by_side import map_side_by_side
    from cs_sync.contracts.source import (
        ConnectorConfig,
        Finding,
        HasConcurrency,
        HasPrecedence,
        Page,
        SectionProposal,
        Source,
        Stream,
        SupportsFolders,
        Window,
        WorkspaceInfo,
    )
    from cs_sync.contracts.usage import ExportSpan, UsageTally, UsedEvent
    from cs_sync.follow_ups import (
        AccountView,
        CompanyView,
        Playbook,
        PlaybookSettings,
        Proposal,
        Question,
    )
    from cs_sync.health.relations import select_covered_accounts, select_owned
    from cs_sync.health.scope import SignalScope
    from cs_sync.health.signals.registry import Signal
    from cs_sync.metrics.metric import Metric, Scope
    from cs_sync.metrics.sql.attribution import select_attributed
    from cs_sync.metrics.sql.relations import (
        count_if,
        get_segment_columns,
        select_period_rows,
        select_totals,
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
    "ExportSpan",
    "FieldSpec",
    "Finding",
    "HasConcurrency",
    "HasPrecedence",
    "Http",
    "Limit",
    "Mapped",
    "MappingError",
    "Metric",
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
    "Scope",
    "SectionProposal",
    "Settings",
    "Shape",
    "Signal",
    "SignalScope",
    "Source",
    "Stream",
    "SupportsDriftCheck",
    "SupportsFolders",
    "SupportsOpenFollowUps",
    "SupportsReport",
    "SupportsSetup",
    "Throttled",
    "Unreachable",
    "UsageTally",
    "UsedEvent",
    "Value",
    "VendorError",
    "Window",
    "Workspace",
    "WorkspaceInfo",
    "count_if",
    "get_segment_columns",
    "hookimpl",
    "is_loopback",
    "map_each",
    "map_side_by_side",
    "open",
    "select_attributed",
    "select_covered_accounts",
    "select_owned",
    "select_period_rows",
    "select_totals",
]

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync.api.workspace": "Workspace open",
        "cs_sync.contracts.destination": (
            "Ack Addresses Destination FieldSpec Op OpenFollowUp Reject RemoteAccount "
            "RemoteObject ReportMessage SupportsDriftCheck SupportsOpenFollowUps "
            "SupportsReport SupportsSetup Value"
        ),
        "cs_sync.contracts.errors": (
            "AnswerUnknown ConfigError CredentialRefused CsSyncError PermissionMissing "
            "RequestRefused Throttled Unreachable VendorError"
        ),
        "cs_sync.contracts.events": "Event",
        "cs_sync.contracts.hookspecs": "hookimpl",
        "cs_sync.contracts.http": "Http Limit ResponseNames Shape is_loopback",
        "cs_sync.contracts.lists": "PaginationGuard",
        "cs_sync.contracts.mapping": "Mapped MappingError Rejection Row map_each",
        "cs_sync.contracts.side_by_side": "map_side_by_side",
        "cs_sync.contracts.source": (
            "ConnectorConfig Finding HasConcurrency HasPrecedence Page SectionProposal Source "
            "Stream SupportsFolders Window WorkspaceInfo"
        ),
        "cs_sync.contracts.usage": "ExportSpan UsageTally UsedEvent",
        "cs_sync.follow_ups": "AccountView CompanyView Playbook PlaybookSettings Proposal Question",
        "cs_sync.health.relations": "select_covered_accounts select_owned",
        "cs_sync.health.scope": "SignalScope",
        "cs_sync.health.signals.registry": "Signal",
        "cs_sync.metrics.metric": "Metric Scope",
        "cs_sync.metrics.sql.attribution": "select_attributed",
        "cs_sync.metrics.sql.relations": (
            "count_if get_segment_columns select_period_rows select_totals"
        ),
        "cs_sync.settings": "Settings",
    })  # fmt: skip

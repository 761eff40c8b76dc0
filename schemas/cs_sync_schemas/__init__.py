"""The unified customer-success schema: one SQLModel table per kind of record."""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync_schemas.answers import AccountAnswer, AccountQuestion
    from cs_sync_schemas.billing import (
        Discount,
        Invoice,
        InvoiceLine,
        Product,
        Refund,
        Subscription,
        SubscriptionChange,
        SubscriptionItem,
    )
    from cs_sync_schemas.business import Cost, FunnelDay, FxRate, QualityDay, Referral
    from cs_sync_schemas.closing import MonthClose, MonthReopened
    from cs_sync_schemas.derived import (
        FollowUp,
        ForesightJudgement,
        ForesightModel,
        HealthScore,
        MrrMovement,
        MrrSpan,
        ScoreBand,
    )
    from cs_sync_schemas.figures import CachedMetric, KeptResult
    from cs_sync_schemas.graph import (
        Account,
        AccountAttribute,
        AccountLink,
        Contact,
        ContactAccount,
        ContactLink,
    )
    from cs_sync_schemas.history import (
        VERSIONED,
        get_history_table,
        get_known_from,
        get_seen,
    )
    from cs_sync_schemas.money import CURRENCY_EXPONENT
    from cs_sync_schemas.operations import (
        Alert,
        Lease,
        RejectedRecord,
        Run,
        RunStream,
        ScheduleSlot,
        StreamState,
        Suppression,
        TableProfile,
        WriteLedger,
    )
    from cs_sync_schemas.people import (
        AccountChange,
        Alias,
        Membership,
        Owner,
        SourceAccount,
        SourceContact,
    )
    from cs_sync_schemas.published import Publication, PublishedKpi, PublishedMrr
    from cs_sync_schemas.record import Record, get_table
    from cs_sync_schemas.records import RECORDS
    from cs_sync_schemas.support import Ticket
    from cs_sync_schemas.usage import FeatureDay, OnboardingStep, UsageDay
    from cs_sync_schemas.values import CLOSED_STATUSES, Scale
    from cs_sync_schemas.voice import SurveyResponse

__all__ = [
    "CLOSED_STATUSES",
    "CURRENCY_EXPONENT",
    "RECORDS",
    "VERSIONED",
    "Account",
    "AccountAnswer",
    "AccountAttribute",
    "AccountChange",
    "AccountLink",
    "AccountQuestion",
    "Alert",
    "Alias",
    "CachedMetric",
    "Contact",
    "ContactAccount",
    "ContactLink",
    "Cost",
    "Discount",
    "FeatureDay",
    "FollowUp",
    "ForesightJudgement",
    "ForesightModel",
    "FunnelDay",
    "FxRate",
    "HealthScore",
    "Invoice",
    "InvoiceLine",
    "KeptResult",
    "Lease",
    "Membership",
    "MonthClose",
    "MonthReopened",
    "MrrMovement",
    "MrrSpan",
    "OnboardingStep",
    "Owner",
    "Product",
    "Publication",
    "PublishedKpi",
    "PublishedMrr",
    "QualityDay",
    "Record",
    "Referral",
    "Refund",
    "RejectedRecord",
    "Run",
    "RunStream",
    "Scale",
    "ScheduleSlot",
    "ScoreBand",
    "SourceAccount",
    "SourceContact",
    "StreamState",
    "Subscription",
    "SubscriptionChange",
    "SubscriptionItem",
    "Suppression",
    "SurveyResponse",
    "TableProfile",
    "Ticket",
    "UsageDay",
    "WriteLedger",
    "get_history_table",
    "get_known_from",
    "get_seen",
    "get_table",
]

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync_schemas.answers": "AccountAnswer AccountQuestion",
        "cs_sync_schemas.billing": (
            "Discount Invoice InvoiceLine Product Refund Subscription SubscriptionChange "
            "SubscriptionItem"
        ),
        "cs_sync_schemas.business": "Cost FunnelDay FxRate QualityDay Referral",
        "cs_sync_schemas.closing": "MonthClose MonthReopened",
        "cs_sync_schemas.derived": (
            "FollowUp ForesightJudgement ForesightModel HealthScore MrrMovement MrrSpan "
            "ScoreBand"
        ),
        "cs_sync_schemas.figures": "CachedMetric KeptResult",
        "cs_sync_schemas.graph": (
            "Account AccountAttribute AccountLink Contact ContactAccount ContactLink"
        ),
        "cs_sync_schemas.history": "VERSIONED get_history_table get_known_from get_seen",
        "cs_sync_schemas.money": "CURRENCY_EXPONENT",
        "cs_sync_schemas.operations": (
            "Alert Lease RejectedRecord Run RunStream ScheduleSlot StreamState Suppression "
            "TableProfile WriteLedger"
        ),
        "cs_sync_schemas.people": (
            "AccountChange Alias Membership Owner SourceAccount SourceContact"
        ),
        "cs_sync_schemas.published": "Publication PublishedKpi PublishedMrr",
        "cs_sync_schemas.record": "Record get_table",
        "cs_sync_schemas.records": "RECORDS",
        "cs_sync_schemas.support": "Ticket",
        "cs_sync_schemas.usage": "FeatureDay OnboardingStep UsageDay",
        "cs_sync_schemas.values": "CLOSED_STATUSES Scale",
        "cs_sync_schemas.voice": "SurveyResponse",
    })  # fmt: skip

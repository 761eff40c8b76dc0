"""The unified customer-success schema: one SQLModel table per kind of record."""

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
from cs_sync_schemas.derived import FollowUp, HealthScore, MrrMovement, MrrSpan
from cs_sync_schemas.figures import CachedMetric
from cs_sync_schemas.graph import (
    Account,
    AccountAttribute,
    AccountLink,
    Contact,
    ContactAccount,
    ContactLink,
)
from cs_sync_schemas.history import VERSIONED, get_history_table, get_known_from
from cs_sync_schemas.operations import (
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
from cs_sync_schemas.people import Alias, Membership, Owner, SourceAccount, SourceContact
from cs_sync_schemas.record import Record, get_table
from cs_sync_schemas.support import CLOSED_STATUSES, Ticket
from cs_sync_schemas.usage import FeatureDay, OnboardingStep, UsageDay
from cs_sync_schemas.voice import Scale, SurveyResponse

RECORDS: tuple[type[Record], ...] = (
    SourceAccount,
    SourceContact,
    Owner,
    Membership,
    Alias,
    Product,
    Subscription,
    SubscriptionItem,
    SubscriptionChange,
    Discount,
    Invoice,
    InvoiceLine,
    Refund,
    Ticket,
    SurveyResponse,
    UsageDay,
    FeatureDay,
    OnboardingStep,
    Referral,
    Cost,
    FxRate,
    FunnelDay,
    QualityDay,
)
"""Every kind of record that a connector may deliver."""

__all__ = [
    "CLOSED_STATUSES",
    "RECORDS",
    "VERSIONED",
    "Account",
    "AccountAnswer",
    "AccountAttribute",
    "AccountLink",
    "AccountQuestion",
    "Alias",
    "CachedMetric",
    "Contact",
    "ContactAccount",
    "ContactLink",
    "Cost",
    "Discount",
    "FeatureDay",
    "FollowUp",
    "FunnelDay",
    "FxRate",
    "HealthScore",
    "Invoice",
    "InvoiceLine",
    "Lease",
    "Membership",
    "MonthClose",
    "MonthReopened",
    "MrrMovement",
    "MrrSpan",
    "OnboardingStep",
    "Owner",
    "Product",
    "QualityDay",
    "Record",
    "Referral",
    "Refund",
    "RejectedRecord",
    "Run",
    "RunStream",
    "Scale",
    "ScheduleSlot",
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
    "get_table",
]

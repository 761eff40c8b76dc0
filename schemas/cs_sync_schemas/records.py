"""Every kind of record that a connector may deliver."""

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
from cs_sync_schemas.people import (
    AccountChange,
    Alias,
    Membership,
    Owner,
    SourceAccount,
    SourceContact,
)
from cs_sync_schemas.record import Record
from cs_sync_schemas.support import Ticket
from cs_sync_schemas.usage import FeatureDay, OnboardingStep, UsageDay
from cs_sync_schemas.voice import SurveyResponse

RECORDS: tuple[type[Record], ...] = (
    SourceAccount,
    AccountChange,
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

"""The tables that files may hold: their records and the names of their columns."""

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

import cs_sync_schemas as schema
from cs_sync_schemas import Record

ATTRIBUTE = "attr."
"""Prefix of the columns of `accounts` that become attributes."""

SHORT_NAMES = {
    "account": "account_source_id",
    "contact": "contact_source_id",
    "requester": "contact_source_id",
    "subscription": "subscription_source_id",
    "subscription_item": "subscription_item_source_id",
    "item": "subscription_item_source_id",
    "invoice": "invoice_source_id",
    "owner": "owner_source_id",
}
"""Column names that stand for a reference's full name."""

TARGETS = {
    "account_source_id": "accounts",
    "contact_source_id": "contacts",
    "subscription_source_id": "subscriptions",
    "subscription_item_source_id": "subscription_items",
    "invoice_source_id": "invoices",
    "owner_source_id": "owners",
    "product": "products",
}
"""Field that refers → table that must hold the id."""


@dataclass(frozen=True)
class Table:
    """One table; rows without `source_id` are identified by their `identity` fields."""

    name: str
    record: type[Record]
    identity: tuple[str, ...] = ()

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields that a row may give, in the schema's order."""
        engine = self.record.ENGINE_FIELDS
        return tuple(name for name in self.record.model_fields if name not in engine)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that a row must give, beside defaults and derived ids."""
        facts = self.record.model_fields
        return tuple(name for name in self.fields if facts[name].is_required())

    def missing(self, present: Set[str | None]) -> list[str]:
        """Return the required fields that are neither given nor derived."""
        derived = {"valid_from"} | ({"source_id"} if self.identity else set())
        return [name for name in self.required if name not in present and name not in derived]

    @cached_property
    def references(self) -> tuple[str, ...]:
        """The fields with the id of a row in another file."""
        return tuple(name for name in self.fields if name in TARGETS)

    def find_column_field(self, column: str) -> str | None:
        """Return the field of a column; None if there is none."""
        field = SHORT_NAMES.get(column, column)
        return field if field in self.fields else None


TABLES = (
    Table("owners", schema.Owner),
    Table("accounts", schema.SourceAccount),
    Table("contacts", schema.SourceContact),
    Table("memberships", schema.Membership, ("contact_source_id", "account_source_id")),
    Table("products", schema.Product),
    Table("subscriptions", schema.Subscription),
    Table("subscription_items", schema.SubscriptionItem),
    Table("discounts", schema.Discount),
    Table("invoices", schema.Invoice),
    Table("invoice_lines", schema.InvoiceLine),
    Table("refunds", schema.Refund),
    Table("tickets", schema.Ticket),
    Table(
        "survey_responses",
        schema.SurveyResponse,
        ("kind", "survey", "account_source_id", "contact_source_id", "answered_at"),
    ),
    Table("usage_days", schema.UsageDay, ("day", "account_source_id", "contact_source_id")),
    Table(
        "feature_days",
        schema.FeatureDay,
        ("day", "account_source_id", "feature", "contact_source_id"),
    ),
    Table("onboarding_steps", schema.OnboardingStep, ("account_source_id", "checklist", "step")),
    Table("referrals", schema.Referral, ("account_source_id", "referred", "referred_at")),
    Table("costs", schema.Cost, ("month", "purpose", "line", "currency")),
    Table("fx_rates", schema.FxRate, ("day", "base", "quote")),
    Table("funnel_days", schema.FunnelDay, ("day", "goal")),
    Table("quality_days", schema.QualityDay, ("day",)),
)
"""Every table, with what others refer to first."""

BY_NAME = {table.name: table for table in TABLES}

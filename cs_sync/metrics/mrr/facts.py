"""Billing facts of one account: light frozen rows of the unified schema."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct, field

SubscriptionKey = tuple[str, str]


class Fact(Struct, frozen=True):
    """A record with its natural key."""

    source: str
    source_id: str

    def __hash__(self) -> int:
        return hash((self.source, self.source_id))  # other fields may be mappings


class SubscriptionFact(Fact, frozen=True):
    """A row of `subscription`."""

    account_source_id: str
    status: str
    started_at: datetime
    currency: str
    trial_start: datetime | None = None
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_reason: str | None = None
    collection_paused: str | None = None
    paused_at: datetime | None = None
    resumes_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def key(self) -> SubscriptionKey:
        """The key used by its items and invoices."""
        return (self.source, self.source_id)


class ItemFact(Fact, frozen=True):
    """A row of `subscription_item`: one version, valid in `[valid_from, valid_to)`."""

    subscription_source_id: str
    valid_from: datetime
    valid_to: datetime | None = None
    product: str | None = None
    price: str | None = None
    unit_amount: Decimal | None = None
    quantity: Decimal = Decimal(1)
    interval: str = "month"
    interval_count: int = 1
    usage_type: str = "licensed"
    tiers: Mapping[str, Any] | None = None
    divide_by: int | None = None
    divide_round: str | None = None
    inclusive_tax_percent: Decimal | None = None
    is_snapshot: bool = False
    first_seen_at: datetime | None = None
    changed_at: datetime | None = None
    reconstructed: bool = field(default=False)
    """Whether this version was rebuilt from invoices instead of stated by the source."""

    @property
    def subscription(self) -> SubscriptionKey:
        """The key of its subscription."""
        return (self.source, self.subscription_source_id)


class PlainVersion(NamedTuple):
    """A version of an item with its subscription, as the integer path of MRR reads it.

    `source_id` is None where the subscription has no items. Rows are read by the hundred
    thousand: as tuples, instants in microseconds since 1970, and numerals as they are stored.
    """

    account_id: str
    source: str
    subscription_source_id: str
    currency: str
    started_at: int
    ends_at: int | None
    cancel_reason: str | None
    source_id: str | None
    valid_from: int
    valid_to: int | None
    product: str | None
    price: str | None
    unit_amount: str
    quantity: str
    interval: str
    interval_count: int
    is_removed: int
    """1 where a look no longer saw it, while its subscription went on."""
    is_plain: int
    """0 where the integer path does not know what is stated of it."""

    @property
    def inclusive_tax_percent(self) -> None:
        """None: a price that includes tax is not plain."""
        return None


class ChangeFact(Fact, frozen=True):
    """A row of `subscription_change`: the differing values before `happened_at`."""

    subscription_source_id: str
    happened_at: datetime
    before: Mapping[str, Any]
    after: Sequence[Mapping[str, Any]] | None = None
    first_seen_at: datetime | None = None

    @property
    def subscription(self) -> SubscriptionKey:
        """The key of the changed subscription."""
        return (self.source, self.subscription_source_id)


class DiscountFact(Fact, frozen=True):
    """A row of `discount`."""

    starts_at: datetime
    ends_at: datetime | None = None
    account_source_id: str | None = None
    subscription_source_id: str | None = None
    subscription_item_source_id: str | None = None
    percent_off: Decimal | None = None
    amount_off: int | None = None
    currency: str | None = None
    duration: str = "forever"
    products: Sequence[str] | None = None
    is_fallback: bool = False
    reconstructed: bool = field(default=False)
    """Whether it was inferred from what invoices took off."""


class InvoiceFact(Fact, frozen=True):
    """A row of `invoice`."""

    account_source_id: str
    subscription_source_id: str | None
    status: str
    issued_at: datetime
    due_at: datetime | None = None
    paid_at: datetime | None = None
    period_end: datetime | None = None
    given_up_at: datetime | None = None
    amount_remaining: int | None = None


class LineFact(Fact, frozen=True):
    """A row of `invoice_line`."""

    invoice_source_id: str
    amount: int
    subscription_source_id: str | None = None
    subscription_item_source_id: str | None = None
    product: str | None = None
    price: str | None = None
    discount_amount: int = 0
    inclusive_tax_amount: int | None = None
    discounts: Sequence[Mapping[str, Any]] | None = None
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    interval: str | None = None
    interval_count: int | None = None
    usage_type: str = "licensed"
    is_proration: bool = False
    period_start: datetime | None = None
    period_end: datetime | None = None
    first_seen_at: datetime | None = None


class BillingFacts(Struct, frozen=True):
    """All facts behind one account's MRR; the order of rows does not matter."""

    account_id: str
    subscriptions: tuple[SubscriptionFact, ...] = ()
    items: tuple[ItemFact, ...] = ()
    discounts: tuple[DiscountFact, ...] = ()
    invoices: tuple[InvoiceFact, ...] = ()
    lines: tuple[LineFact, ...] = ()
    changes: tuple[ChangeFact, ...] = ()
    past_subscriptions: tuple[SubscriptionFact, ...] = ()
    """What syncs saw of the subscriptions before, each since its `changed_at`."""

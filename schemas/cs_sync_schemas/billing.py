"""Subscriptions, invoices, discounts and refunds of an account."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator
from sqlalchemy import JSON, BigInteger, String
from sqlmodel import Field

from cs_sync_schemas.money import MAX_MINOR_UNITS, Currency, ExactDecimal
from cs_sync_schemas.record import Record
from cs_sync_schemas.times import Instant

SubscriptionStatus = Literal[
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "paused",
    "canceled",
    "incomplete",
    "incomplete_expired",
]
Interval = Literal["day", "week", "month", "year"]
CollectionPause = Literal["void", "mark_uncollectible", "keep_as_draft"]


def _pause_behaviour(value: object) -> object:
    """Normalise a pause.

    A plain yes means the pause that stops the money.
    """
    if value in (True, "true", "True", "1"):
        return "void"
    return None if value in (False, "false", "False", "0", "") else value


class Product(Record, table=True):
    """Something that is sold."""

    __tablename__ = "product"

    name: str | None = None
    is_active: bool = True


class Subscription(Record, table=True):
    """A recurring payment agreement; its items hold the prices."""

    __tablename__ = "subscription"

    account_source_id: str = Field(index=True)
    status: SubscriptionStatus = Field(default="active", sa_type=String)
    started_at: datetime = Field(sa_type=Instant)
    trial_start: datetime | None = Field(default=None, sa_type=Instant)
    trial_end: datetime | None = Field(default=None, sa_type=Instant)
    cancel_at: datetime | None = Field(default=None, sa_type=Instant, description="Scheduled end.")
    canceled_at: datetime | None = Field(
        default=None, sa_type=Instant, description="When the end was asked for."
    )
    ended_at: datetime | None = Field(default=None, sa_type=Instant, description="When it did end.")
    cancel_reason: str | None = None
    collection_paused: Annotated[CollectionPause | None, BeforeValidator(_pause_behaviour)] = Field(
        default=None, sa_type=String, description="What happens to invoices while paused."
    )
    paused_at: datetime | None = Field(default=None, sa_type=Instant)
    resumes_at: datetime | None = Field(default=None, sa_type=Instant)
    currency: Currency
    url: str | None = None


class SubscriptionItem(Record, table=True):
    """One version of one line of a subscription, true in `[valid_from, valid_to)`."""

    __tablename__ = "subscription_item"
    END_FIELD: ClassVar[str] = "valid_to"

    valid_from: datetime = Field(primary_key=True, sa_type=Instant)
    valid_to: datetime | None = Field(default=None, sa_type=Instant)
    subscription_source_id: str = Field(index=True)
    product: str | None = None
    price: str | None = Field(default=None, description="The source's id of the price.")
    unit_amount: Decimal | None = Field(
        default=None, sa_type=ExactDecimal, description="Minor units per unit and interval."
    )
    quantity: Decimal = Field(default=Decimal(1), ge=0, sa_type=ExactDecimal)
    interval: Interval = Field(default="month", sa_type=String)
    interval_count: int = Field(default=1, ge=1)
    usage_type: Literal["licensed", "metered"] = Field(default="licensed", sa_type=String)
    tiers: dict[str, Any] | None = Field(
        default=None,
        sa_type=JSON,
        description='{"mode": "graduated"|"volume", "tiers": [{"up_to", "unit_amount", '
        '"flat_amount"}]}; up_to null is the last tier, amounts are minor units.',
    )
    divide_by: int | None = Field(default=None, ge=1, description="Units sold as one package.")
    divide_round: Literal["up", "down"] | None = Field(default=None, sa_type=String)
    inclusive_tax_percent: Decimal | None = Field(
        default=None, ge=0, sa_type=ExactDecimal, description="Tax contained in unit_amount."
    )
    is_snapshot: bool = Field(
        default=False,
        description="The source shows the present only; what was before, invoices tell.",
    )

    @classmethod
    def rule(cls, row: Mapping[str, Any]) -> str | None:
        """Require an amount or tiers for licensed items, and an ordered validity."""
        priced = row["unit_amount"] is not None or row["tiers"] or row["usage_type"] == "metered"
        if not priced:
            return "price without amount: give unit_amount or tiers"
        if abs((row["unit_amount"] or 0) * row["quantity"]) > MAX_MINOR_UNITS:
            return f"unit_amount × quantity is beyond {MAX_MINOR_UNITS} minor units"
        if row["valid_to"] is not None and row["valid_to"] < row["valid_from"]:
            return "valid_to is before valid_from"
        return None


class SubscriptionChange(Record, table=True):
    """A past change of a subscription; it never changes itself."""

    __tablename__ = "subscription_change"

    subscription_source_id: str = Field(index=True)
    happened_at: datetime = Field(sa_type=Instant)
    before: dict[str, Any] = Field(
        sa_type=JSON,
        description="The fields that differed, with what they were: status, collection_paused; "
        "items, each with source_id, price, quantity and what the price says, or null.",
    )
    after: list[dict[str, Any]] | None = Field(
        default=None, sa_type=JSON, description="The items as they became, where they are told."
    )


class Discount(Record, table=True):
    """A reduction of a subscription, of one of its items, or of everything of an account."""

    __tablename__ = "discount"
    END_FIELD: ClassVar[str] = "ends_at"

    account_source_id: str | None = Field(default=None, index=True)
    subscription_source_id: str | None = Field(default=None, index=True)
    subscription_item_source_id: str | None = Field(default=None, index=True)
    name: str | None = None
    percent_off: Decimal | None = Field(default=None, ge=0, le=100, sa_type=ExactDecimal)
    amount_off: int | None = Field(
        default=None, ge=0, sa_type=BigInteger, description="Minor units per invoice."
    )
    currency: Currency | None = None
    duration: Literal["once", "repeating", "forever"] = Field(default="forever", sa_type=String)
    products: list[str] | None = Field(default=None, sa_type=JSON, description="None: all.")
    is_fallback: bool = Field(
        default=False,
        description="Of an account's: only for subscriptions without a discount of their own.",
    )
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime | None = Field(default=None, sa_type=Instant)

    @classmethod
    def rule(cls, row: Mapping[str, Any]) -> str | None:
        """Require either percent_off or amount_off, and an owner."""
        if (row["percent_off"] is None) == (row["amount_off"] is None):
            return "give either percent_off or amount_off"
        owners = ("account_source_id", "subscription_source_id", "subscription_item_source_id")
        if not any(row[name] for name in owners):
            return "belongs to nothing: give one of " + ", ".join(owners)
        return None


class Invoice(Record, table=True):
    """A request for payment."""

    __tablename__ = "invoice"

    account_source_id: str = Field(index=True)
    subscription_source_id: str | None = Field(default=None, index=True)
    number: str | None = None
    status: Literal["draft", "open", "paid", "void", "uncollectible"] = Field(
        default="open", sa_type=String
    )
    currency: Currency
    total: int = Field(default=0, sa_type=BigInteger, description="Minor units, tax included.")
    amount_due: int = Field(default=0, sa_type=BigInteger)
    amount_paid: int = Field(default=0, sa_type=BigInteger)
    amount_remaining: int | None = Field(
        default=None,
        sa_type=BigInteger,
        description="Left out: 0 once paid or void, else amount_due (or total) less amount_paid, "
        "if the status is given; unknown is null, and asks nobody for money.",
    )
    attempt_count: int = 0
    issued_at: datetime = Field(index=True, sa_type=Instant)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    paid_at: datetime | None = Field(default=None, sa_type=Instant)
    given_up_at: datetime | None = Field(
        default=None,
        sa_type=Instant,
        description="When it was voided, or held to be uncollectible.",
    )
    period_start: datetime | None = Field(default=None, sa_type=Instant)
    period_end: datetime | None = Field(default=None, sa_type=Instant)
    url: str | None = None

    @classmethod
    def complete(cls, row: dict[str, Any]) -> None:
        """Derive a paid invoice's status, and the amount that remains."""
        if row["status"] is None and row["paid_at"]:
            row["status"] = "paid"
        if row["amount_remaining"] is None:
            row["amount_remaining"] = _derive_remaining(row)


def _derive_remaining(row: Mapping[str, Any]) -> int | None:
    """Return an invoice's unpaid amount; None where status or amount is unknown."""
    if row["paid_at"] or row["status"] in ("paid", "void"):
        return 0
    asked: int | None = row["total"] if row["amount_due"] is None else row["amount_due"]
    if row["status"] is None or asked is None:
        return None
    return max(asked - (row["amount_paid"] or 0), 0)


class InvoiceLine(Record, table=True):
    """One line of an invoice; recurring lines prove what was agreed in their period."""

    __tablename__ = "invoice_line"

    invoice_source_id: str = Field(index=True)
    subscription_source_id: str | None = Field(default=None, index=True)
    subscription_item_source_id: str | None = Field(default=None, index=True)
    product: str | None = None
    price: str | None = None
    currency: Currency
    amount: int = Field(
        sa_type=BigInteger, description="Minor units before discounts; negative is a credit."
    )
    discount_amount: int = Field(
        default=0, sa_type=BigInteger, description="Minor units taken off."
    )
    inclusive_tax_amount: int | None = Field(
        default=None,
        sa_type=BigInteger,
        description="Tax contained in amount, after discounts; unknown is null.",
    )
    discounts: list[dict[str, Any]] | None = Field(
        default=None,
        sa_type=JSON,
        description='What each discount took off: [{"id", "amount", "duration", "months", '
        '"percent_off", "amount_off", "starts_at", "ends_at", "products", "item"}], all but the '
        "first two where the source still tells them. None: not said.",
    )
    quantity: Decimal | None = Field(default=None, sa_type=ExactDecimal)
    unit_amount: Decimal | None = Field(default=None, sa_type=ExactDecimal)
    interval: Interval | None = Field(default=None, sa_type=String)
    interval_count: int | None = None
    usage_type: Literal["licensed", "metered"] = Field(default="licensed", sa_type=String)
    is_proration: bool = False
    period_start: datetime | None = Field(default=None, sa_type=Instant)
    period_end: datetime | None = Field(default=None, sa_type=Instant)


class Refund(Record, table=True):
    """Money given back; never part of MRR."""

    __tablename__ = "refund"

    account_source_id: str | None = Field(default=None, index=True)
    invoice_source_id: str | None = None
    amount: int = Field(sa_type=BigInteger, description="Minor units.")
    currency: Currency
    status: str | None = None
    reason: str | None = None
    refunded_at: datetime = Field(sa_type=Instant)

"""The facts of Acme's world: what happened, before any vendor's API gives it a shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

System = Literal["stripe", "hubspot", "zendesk", "posthog"]
Status = Literal["trialing", "active", "past_due", "unpaid", "paused", "canceled"]


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer-success manager of Acme, an owner in HubSpot."""

    number: int
    first: str
    last: str
    email: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Company:
    """One account of Acme; `key` is Acme's own account id, `key_in` the systems that know it."""

    number: int
    key: str
    name: str
    domain: str | None
    extra_domains: tuple[str, ...]
    industry: str
    region: str
    size: int
    currency: str
    owner_number: int | None
    created_at: datetime
    billing_email: str
    key_in: frozenset[System]
    signed_up: bool = True
    is_test: bool = False
    in_zendesk: bool = True
    archived_at: datetime | None = None
    merged_numbers: tuple[int, ...] = ()
    stripe_deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at an account; `key` is the user id in Acme's product and PostHog's distinct_id."""

    number: int
    key: str
    account_key: str
    first: str
    last: str
    emails: tuple[str, ...]
    job: str
    role: Literal["admin", "member", "billing"]
    created_at: datetime
    in_product: bool = True
    in_zendesk: bool = True


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a tiered price; `up_to` None is the open end."""

    up_to: int | None
    unit_amount: int


@dataclass(frozen=True, slots=True)
class Product:
    """Something Acme sells."""

    id: str
    name: str
    unit_label: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Price:
    """A price in minor units of `currency`; volume tiers instead of `unit_amount` where given."""

    id: str
    product_id: str
    currency: str
    unit_amount: Decimal | None
    interval: Literal["month", "year"] | None
    created_at: datetime
    metered: bool = False
    tiers: tuple[Tier, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Coupon:
    """A reduction: percent or a fixed amount of minor units, for a while or for ever."""

    id: str
    name: str
    duration: Literal["forever", "repeating", "once"]
    created_at: datetime
    percent_off: Decimal | None = None
    amount_off: int | None = None
    currency: str | None = None
    months: int | None = None
    product_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discount:
    """A coupon on a subscription (or on one of its items) during `[start, end)`."""

    id: str
    coupon_id: str
    start: datetime
    end: datetime | None
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemVersion:
    """What one subscription item was during `[valid_from, valid_to)`; None is still."""

    item_id: str
    price_id: str
    quantity: int | None
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A cancellation: when it was asked for, when it takes effect, and why."""

    asked_at: datetime
    ends_at: datetime
    how: Literal["period_end", "at_once", "payment_failed", "trial_ended"]
    feedback: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription with its whole history of items, as known at the world's `now`."""

    id: str
    account_key: str
    status: Status
    currency: str
    interval: Literal["month", "year"]
    started_at: datetime
    trial_end: datetime | None
    anchor: datetime
    items: tuple[ItemVersion, ...]
    discounts: tuple[Discount, ...]
    leaving: Leaving | None
    pause_behavior: Literal["void", "mark_uncollectible", "keep_as_draft"] | None
    paused_at: datetime | None
    send_invoice: bool

    @property
    def ended_at(self) -> datetime | None:
        """When it stopped, or None while it lives."""
        return self.leaving.ends_at if self.leaving and self.status == "canceled" else None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line in minor units, before and after nothing but its own discounts."""

    id: str
    amount: int
    description: str
    start: datetime
    end: datetime
    price_id: str
    quantity: int
    item_id: str | None
    proration: bool
    discounts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice; `total` is after discounts, `starting_balance` below zero is credit."""

    id: str
    number: str | None
    account_key: str
    subscription_id: str | None
    currency: str
    status: Literal["draft", "open", "paid", "uncollectible", "void"]
    reason: Literal["subscription_create", "subscription_cycle", "subscription_update", "manual"]
    created_at: datetime
    period_start: datetime
    period_end: datetime
    lines: tuple[InvoiceLine, ...]
    subtotal: int
    total: int
    starting_balance: int
    finalized_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    attempts: int

    @property
    def amount_due(self) -> int:
        """What remains to be paid after credit was used."""
        return max(0, self.total + self.starting_balance)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back on a paid invoice, with its credit note."""

    number: int
    invoice_id: str
    amount: int
    currency: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """A support request with its outcome."""

    number: int
    account_key: str
    requester_key: str
    subject: str
    topic: str
    tags: tuple[str, ...]
    channel: str
    priority: str | None
    kind: str
    status: Literal["new", "open", "pending", "hold", "solved", "closed", "deleted"]
    created_at: datetime
    updated_at: datetime
    first_reply_at: datetime | None
    solved_at: datetime | None
    replies: int
    reopens: int
    rating: Literal["good", "bad"] | None
    rating_comment: str | None
    has_organization: bool


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """An answer to a survey; `channel` says which system asked (PostHog asks in the app)."""

    number: int
    account_key: str
    person_key: str
    kind: Literal["nps", "csat", "ces"]
    survey: str
    score: int
    scale_min: int
    scale_max: int
    comment: str | None
    answered_at: datetime
    channel: Literal["hubspot", "posthog"]


class UsageRow(NamedTuple):
    """What a person did on a UTC day; a tuple because there are about a hundred thousand."""

    day: date
    person_key: str
    account_key: str
    events: int
    sessions: int
    seconds: int
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OnboardingStep:
    """One step of an account's onboarding checklist; `done_at` None means still open."""

    account_key: str
    person_key: str
    checklist: str
    step: str
    required: bool
    due_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Course:
    """How an account behaves: the truth a health score tries to guess, in no vendor's answers."""

    account_key: str
    first_day: date
    last_day: date | None
    fade_from: date | None
    dip: tuple[date, date] | None
    paying: bool


@dataclass(frozen=True, slots=True)
class World:
    """Everything that happened up to `now` (midnight UTC at the start of `today`)."""

    seed: int
    today: date
    now: datetime
    owners: tuple[Owner, ...]
    companies: tuple[Company, ...]
    people: tuple[Person, ...]
    products: tuple[Product, ...]
    prices: tuple[Price, ...]
    coupons: tuple[Coupon, ...]
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    refunds: tuple[Refund, ...]
    tickets: tuple[Ticket, ...]
    survey_answers: tuple[SurveyAnswer, ...]
    onboarding: tuple[OnboardingStep, ...]
    usage: tuple[UsageRow, ...]
    courses: tuple[Course, ...]

"""The facts behind the signals, as reasons and follow-ups name them."""

from dataclasses import dataclass
from datetime import date, datetime

RATED_DAYS = 365
"""How far back all CSAT answers are read, for comparisons over time."""


@dataclass(frozen=True, slots=True)
class TicketFact:
    """A ticket of the last 30 days, or an older one that still waits."""

    source: str
    source_id: str
    subject: str | None
    topic: str | None
    url: str | None
    opened_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class AnswerFact:
    """A person's latest answer to a kind of survey (NPS of 180 days, CSAT of 90).

    `previous` is the score of the answer before it within the same days.
    """

    source: str
    source_id: str
    kind: str
    score: float
    scale_max: float | None
    person_name: str | None
    comment: str | None
    answered_at: datetime
    previous: float | None = None


@dataclass(frozen=True, slots=True)
class RatingFact:
    """One CSAT answer of the last `RATED_DAYS`, whoever gave it how often."""

    source: str
    source_id: str
    survey: str | None
    score: float
    satisfied: bool
    person_name: str | None
    comment: str | None
    answered_at: datetime
    kind: str = "csat"


@dataclass(frozen=True, slots=True)
class InvoiceFact:
    """An invoice past due; amounts in minor units."""

    source: str
    source_id: str
    number: str | None
    issued_at: datetime
    due_at: datetime | None
    amount_remaining: int
    currency: str
    url: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionFact:
    """A running subscription; `ends_at` when its end is set.

    `seats` is the largest number of units on one of its licensed items.
    """

    source: str
    source_id: str
    status: str
    ends_at: datetime | None
    cancel_reason: str | None
    url: str | None
    seats: float | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UsageFact:
    """Days of use: of the last 28, of the 28 before, and the last one ever.

    `people` used it in the last 28 days; nought where usage is only known per account.
    """

    recent_days: int
    earlier_days: int
    last_day: date
    people: int = 0


@dataclass(frozen=True, slots=True)
class FeatureFact:
    """A feature that the account used in the last 90 days."""

    feature: str
    last_day: date
    recent_days: int
    """Days of use of the last 28."""


@dataclass(frozen=True, slots=True)
class StepFact:
    """A step of the account's onboarding checklist."""

    source: str
    source_id: str
    checklist: str
    step: str
    required: bool
    due_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReferralFact:
    """The account recommended us to somebody."""

    source: str
    source_id: str
    referred: str | None
    referred_at: datetime
    converted_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """All facts of one account that reasons may name, newest first."""

    tickets: tuple[TicketFact, ...] = ()
    answers: tuple[AnswerFact, ...] = ()
    ratings: tuple[RatingFact, ...] = ()
    invoices: tuple[InvoiceFact, ...] = ()
    subscriptions: tuple[SubscriptionFact, ...] = ()
    usage: UsageFact | None = None
    features: tuple[FeatureFact, ...] = ()
    steps: tuple[StepFact, ...] = ()
    referrals: tuple[ReferralFact, ...] = ()

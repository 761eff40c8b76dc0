"""Facts behind the signals, for reasons and follow-ups."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct

RATED_DAYS = 365
"""How far back all CSAT answers are read, for comparisons over time."""


class TicketFact(Struct, frozen=True, array_like=True):
    """A ticket opened in the last 30 days, or an older open one."""

    source: str
    source_id: str
    subject: str | None
    topic: str | None
    url: str | None
    opened_at: datetime
    is_open: bool
    person: str | None = None


class AnswerFact(Struct, frozen=True, array_like=True):
    """A person's latest answer to one kind of survey (NPS: 180 days, CSAT: 90).

    `previous` is the score of the answer before it in the same period.
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
    person: str | None = None
    """The id of the contact, else the source's name for them."""


class RatingFact(Struct, frozen=True, array_like=True):
    """One CSAT answer of the last `RATED_DAYS`; of each `person` only the latest counts."""

    source: str
    source_id: str
    person: str
    survey: str | None
    score: float
    satisfied: bool
    person_name: str | None
    comment: str | None
    answered_at: datetime
    kind: str = "csat"


class OverdueInvoice(Struct, frozen=True, array_like=True):
    """An overdue invoice; amounts in minor units."""

    source: str
    source_id: str
    number: str | None
    issued_at: datetime
    due_at: datetime | None
    amount_remaining: int
    currency: str
    url: str | None
    attempt_count: int = 0


def sum_owed(invoices: Iterable[OverdueInvoice]) -> dict[str, int]:
    """Add up overdue invoices: currency → minor units."""
    owed: dict[str, int] = {}
    for invoice in invoices:
        owed[invoice.currency] = owed.get(invoice.currency, 0) + invoice.amount_remaining
    return owed


class RunningSubscription(Struct, frozen=True, array_like=True):
    """A running subscription; `ends_at` is set once its end is scheduled.

    `seats` is the largest quantity of one of its licensed items.
    """

    source: str
    source_id: str
    status: str
    ends_at: datetime | None
    cancel_reason: str | None
    url: str | None
    seats: float | None = None
    started_at: datetime | None = None
    collection_paused: str | None = None


class BillingMarks(Struct, frozen=True):
    """What billing knew of an account on a day, in short.

    `is_running` says whether any subscription ran, `is_leaving` whether all that was paid for was
    going to end, `is_unpaid` whether an invoice was overdue.
    """

    is_running: bool = False
    is_leaving: bool = False
    is_unpaid: bool = False


class UsageFact(Struct, frozen=True, array_like=True):
    """Days of use: the last 28 days, the previous 28, and the last day.

    `people` is the number of active people in the last 28 days; 0 if usage is only known
    per account. `first_day` is the first day of use on record.
    """

    recent_days: int
    earlier_days: int
    last_day: date
    people: int = 0
    first_day: date | None = None


class PaymentFact(Struct, frozen=True, array_like=True):
    """Invoices of the last 365 days, and those of them that failed or were paid late."""

    invoices: int
    paid: int
    late: int
    last_late_at: datetime | None = None


class MrrChangeFact(Struct, frozen=True, array_like=True):
    """MRR 90 days ago and now, in minor units of one currency, with its parts per item."""

    currency: str
    before: int
    now: int
    parts_before: Sequence[Mapping[str, Any]] | None = None
    parts_now: Sequence[Mapping[str, Any]] | None = None


class FeatureFact(Struct, frozen=True, array_like=True):
    """A feature used by the account in the last 90 days."""

    feature: str
    last_day: date
    recent_days: int
    """Days of use of the last 28."""


class StepFact(Struct, frozen=True, array_like=True):
    """A step of the account's onboarding checklist."""

    source: str
    source_id: str
    checklist: str
    step: str
    required: bool
    due_at: datetime | None
    done_at: datetime | None


class ReferralFact(Struct, frozen=True, array_like=True):
    """A referral made by the account."""

    source: str
    source_id: str
    referred: str | None
    referred_at: datetime
    converted_at: datetime | None


class AccountEvidence(Struct, frozen=True, array_like=True):
    """All facts of one account for its reasons, newest first."""

    tickets: tuple[TicketFact, ...] = ()
    answers: tuple[AnswerFact, ...] = ()
    ratings: tuple[RatingFact, ...] = ()
    invoices: tuple[OverdueInvoice, ...] = ()
    subscriptions: tuple[RunningSubscription, ...] = ()
    payments: PaymentFact | None = None
    mrr_change: MrrChangeFact | None = None
    usage: UsageFact | None = None
    features: tuple[FeatureFact, ...] = ()
    steps: tuple[StepFact, ...] = ()
    referrals: tuple[ReferralFact, ...] = ()

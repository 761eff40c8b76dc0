"""When a subscription counts: trials, pauses, missed payments and ends, under a policy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cs_sync.metrics.mrr.facts import InvoiceFact, SubscriptionFact
from cs_sync.metrics.mrr.first_payment import paid_since
from cs_sync.metrics.mrr.policy import MrrPolicy

OffCause = Literal["end", "payment", "pause"]
_NEVER_STARTED = frozenset({"incomplete", "incomplete_expired"})
_OWING = frozenset({"past_due", "unpaid", "canceled"})


@dataclass(frozen=True, slots=True)
class Stop:
    """From `at` on (until `until`, if ever) the subscription does not count, because of `cause`.

    `inferred` when the source does not say the instant and it was taken from what is next to it.
    """

    at: datetime
    cause: OffCause
    reason: str | None = None
    until: datetime | None = None
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A subscription counts from `starts_at` on, except within its stops."""

    starts_at: datetime
    stops: tuple[Stop, ...] = ()

    def counts(self, at: datetime) -> bool:
        """Whether it counts at an instant."""
        return self.starts_at <= at and self.stopped(at) is None

    def stopped(self, at: datetime) -> Stop | None:
        """The stop that holds at an instant: the lasting one first."""
        holding = [s for s in self.stops if s.at <= at and (s.until is None or at < s.until)]
        return min(holding, key=lambda s: (s.until is not None, s.at), default=None)

    @property
    def instants(self) -> list[datetime]:
        """Every instant at which it may begin or cease to count."""
        ends = [s.until for s in self.stops if s.until is not None]
        return [self.starts_at, *(s.at for s in self.stops), *ends]


def service_of(
    subscription: SubscriptionFact, invoices: Sequence[InvoiceFact], policy: MrrPolicy
) -> Service | None:
    """When this subscription counts; None when it never does: on trial, never paid."""
    excluded = policy.trials == "excluded"
    if subscription.status in _NEVER_STARTED or (excluded and subscription.status == "trialing"):
        return None
    trial = (subscription.trial_start or subscription.started_at, subscription.trial_end)
    stops = [*_ends(subscription, invoices, policy), *_unpaid(subscription, invoices, policy)]
    stops += _pauses(subscription, invoices, policy)
    start = subscription.started_at
    if excluded and trial[1] is not None:
        if trial[0] <= start:
            paid = paid_since(subscription, invoices)
            began = trial[1] if policy.unpaid_trials == "counted" else paid
            if began is None:
                return None
            start = max(start, began)
        else:
            stops.append(Stop(trial[0], "pause", "trial", until=trial[1]))
    return Service(start, tuple(stops))


def _ends(
    subscription: SubscriptionFact, invoices: Sequence[InvoiceFact], policy: MrrPolicy
) -> Iterable[Stop]:
    asked = subscription.canceled_at if policy.cancellation == "request" else None
    known = subscription.ended_at or asked or subscription.cancel_at
    if known is not None:
        at = known if asked is None else min(known, asked)
        if policy.cancellation == "paid_until":
            at = max([at, *_paid_until(invoices, at)])
        yield Stop(at, "end", subscription.cancel_reason)
    elif subscription.status == "canceled":
        at = subscription.canceled_at or subscription.changed_at or subscription.started_at
        yield Stop(at, "end", subscription.cancel_reason, inferred=True)


def _paid_until(invoices: Sequence[InvoiceFact], end: datetime) -> Iterable[datetime]:
    """Until when invoices that were made before an end have paid."""
    for invoice in invoices:
        if invoice.status == "paid" and invoice.issued_at < end and invoice.period_end is not None:
            yield invoice.period_end


def _unpaid(
    subscription: SubscriptionFact, invoices: Sequence[InvoiceFact], policy: MrrPolicy
) -> Iterable[Stop]:
    """Lost for want of payment: when dunning gave up, or after the policy's days overdue.

    Dunning gives up unseen; the subscription leaves when the next invoice would fall due, which
    is how Stripe reports it (https://support.stripe.com/questions/billing-analytics).
    """
    if subscription.status not in _OWING:
        return
    owed = [i for i in invoices if i.amount_remaining > 0 and i.status in ("open", "uncollectible")]
    oldest = min(owed, key=lambda i: i.issued_at, default=None)
    if oldest is not None and policy.past_due_churn_days is not None:
        overdue = (oldest.due_at or oldest.issued_at) + timedelta(days=policy.past_due_churn_days)
        yield Stop(overdue, "payment", "payment_failed")
    if subscription.status == "unpaid" and policy.unpaid == "churn":
        at = oldest and (oldest.period_end if _in_advance(oldest) else oldest.issued_at)
        fallback = subscription.changed_at or subscription.started_at
        yield Stop(at or fallback, "payment", "payment_failed", inferred=True)


def _in_advance(invoice: InvoiceFact) -> bool:
    return invoice.period_end is not None and invoice.period_end > invoice.issued_at


def _pauses(
    subscription: SubscriptionFact, invoices: Sequence[InvoiceFact], policy: MrrPolicy
) -> Iterable[Stop]:
    behaviour = subscription.collection_paused
    if subscription.status == "paused":
        treatment = policy.pause
    elif behaviour is not None:
        treatment = policy.draft_pause if behaviour == "keep_as_draft" else policy.pause
    else:
        return
    if treatment == "counted":
        return
    since = subscription.paused_at or _pause_began(subscription, invoices)
    yield Stop(
        since, "pause", until=subscription.resumes_at, inferred=subscription.paused_at is None
    )


def _pause_began(subscription: SubscriptionFact, invoices: Sequence[InvoiceFact]) -> datetime:
    """The best guess where the source is silent: the first void invoice after the last paid one.

    A trial that ended without a way to pay never counted.
    """
    billed_from = subscription.trial_end or subscription.started_at
    billed = any(i.issued_at >= billed_from for i in invoices)
    if subscription.status == "paused" and subscription.trial_end is not None and not billed:
        return subscription.started_at
    paid = max((i.issued_at for i in invoices if i.status == "paid"), default=None)
    lapsed = [
        i.issued_at
        for i in invoices
        if i.status in ("void", "uncollectible") and (paid is None or i.issued_at > paid)
    ]
    return min(lapsed, default=subscription.changed_at or subscription.started_at)

"""When a subscription counts: trials, pauses, missed payments and ends, under a policy.

What it is today says nothing of what it was: the past rests on what was told and seen of it, and
on its bills.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from cs_sync.metrics.mrr.books import SubscriptionBook
from cs_sync.metrics.mrr.facts import InvoiceFact
from cs_sync.metrics.mrr.first_payment import paid_since
from cs_sync.metrics.mrr.given_trials import running_trials, trial_before
from cs_sync.metrics.mrr.phases import Phase, phases_of
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.uncharged import uncharged

OffCause = Literal["end", "payment", "pause"]
_NEVER_STARTED = frozenset({"incomplete", "incomplete_expired"})
A_DAY = timedelta(days=1)
_LONGEST_DUNNING = timedelta(days=60)
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


def service_of(book: SubscriptionBook, policy: MrrPolicy) -> Service | None:
    """When this subscription counts; None when it never does: on its first trial, never paid."""
    given, start = running_trials(book), _starts_at(book, policy)
    if start is None:
        return None
    stops = [*_ends(book, policy), *_unpaid(book, policy), *_pauses(book, policy)]
    if policy.trials == "excluded" and policy.running_trials == "excluded":
        stops += [Stop(begun, "pause", "trial", until=over) for begun, over in given]
    stops += _unexplained(book, stops, policy)
    return Service(start, tuple(stops))


def _starts_at(book: SubscriptionBook, policy: MrrPolicy) -> datetime | None:
    """From when on it counts at all; None where it never has so far."""
    subscription, first = book.subscription, trial_before(book)
    if subscription.status in _NEVER_STARTED:
        return None
    if policy.trials == "counted":
        return subscription.started_at
    if subscription.status == "trialing" and not running_trials(book):
        return None
    if first is None:
        return subscription.started_at
    paid = paid_since(replace(subscription, trial_end=first), book.invoices)
    began = first if policy.unpaid_trials == "counted" else paid
    return began and max(began, subscription.started_at)


def _ends(book: SubscriptionBook, policy: MrrPolicy) -> Iterable[Stop]:
    subscription = book.subscription
    asked = subscription.canceled_at if policy.cancellation == "request" else None
    known = subscription.ended_at or asked or subscription.cancel_at
    if known is not None:
        at = known if asked is None else min(known, asked)
        if policy.cancellation == "paid_until":
            at = max([at, *_paid_until(book.invoices, at)])
        yield Stop(at, "end", subscription.cancel_reason)
    elif subscription.status == "canceled":
        at = subscription.canceled_at or subscription.changed_at or subscription.started_at
        yield Stop(at, "end", subscription.cancel_reason, inferred=True)
    if policy.cancellation == "request":
        for one, other in pairwise(phases_of(book, "canceled_at")):
            if one.value is not None and other.by is not None and one.value < other.by:
                yield Stop(one.value, "end", until=other.by, inferred=other.began_at is None)


def _paid_until(invoices: Iterable[InvoiceFact], end: datetime) -> Iterable[datetime]:
    """Until when invoices that were made before an end have paid."""
    for invoice in invoices:
        if invoice.status == "paid" and invoice.issued_at < end and invoice.period_end is not None:
            yield invoice.period_end


def _unpaid(book: SubscriptionBook, policy: MrrPolicy) -> Iterable[Stop]:
    """Lost for want of payment: when dunning gave up, or after the policy's days overdue."""
    if policy.past_due_churn_days is not None:
        yield from _overdue(book, timedelta(days=policy.past_due_churn_days))
    if policy.unpaid == "churn":
        for phase, following in _with_next(phases_of(book, "status")):
            if phase.value == "unpaid":
                at, until = _given_up_at(book, phase), _ended(book, following)
                if until is None or at < until:
                    yield Stop(at, "payment", "payment_failed", until=until, inferred=True)


def _overdue(book: SubscriptionBook, patience: timedelta) -> Iterator[Stop]:
    """From when an invoice is overdue for too long until it is paid, if it ever is."""
    for invoice in book.invoices:
        lost = (invoice.due_at or invoice.issued_at) + patience
        if invoice.paid_at is not None and lost < invoice.paid_at:
            yield Stop(lost, "payment", "payment_failed", until=invoice.paid_at)
    if book.subscription.status in _OWING and (oldest := _oldest(_owed(book.invoices))):
        yield Stop((oldest.due_at or oldest.issued_at) + patience, "payment", "payment_failed")


def _owed(invoices: Iterable[InvoiceFact]) -> Iterator[InvoiceFact]:
    for invoice in invoices:
        if invoice.amount_remaining > 0 and invoice.status in ("open", "uncollectible"):
            yield invoice


def _oldest(invoices: Iterable[InvoiceFact]) -> InvoiceFact | None:
    return min(invoices, key=lambda i: i.issued_at, default=None)


def _given_up_at(book: SubscriptionBook, phase: Phase) -> datetime:
    """When an unpaid subscription leaves: when its next invoice would fall due, or two months on.

    Dunning gives up unseen; the former is how Stripe reports it
    (https://support.stripe.com/questions/billing-analytics), the latter is as long as it tries.
    """
    by = phase.by
    paid_late = (i for i in book.invoices if i.paid_at and by and i.issued_at < by <= i.paid_at)
    oldest = _oldest([*_owed(book.invoices), *paid_late])
    if oldest is None:
        return by or book.subscription.changed_at or book.subscription.started_at
    in_advance = oldest.period_end is not None and oldest.period_end > oldest.issued_at
    if not in_advance or oldest.period_end is None:
        return oldest.issued_at
    return min(oldest.period_end, (oldest.due_at or oldest.issued_at) + _LONGEST_DUNNING)


def _pauses(book: SubscriptionBook, policy: MrrPolicy) -> Iterator[Stop]:
    """Pauses as they were told and seen, the present one among them."""
    for field in ("collection_paused", "status"):
        for phase, following in _with_next(phases_of(book, field)):
            if not _stops(field, phase.value, policy):
                continue
            stated = book.subscription.paused_at if following is None else None
            known = stated or phase.began_at
            since = known or _pause_began(book, field, phase)
            until = book.subscription.resumes_at if following is None else _ended(book, following)
            if until is None or since < until:
                unsure = known is None or (following is not None and following.began_at is None)
                yield Stop(since, "pause", until=until, inferred=unsure)


def _stops(field: str, value: str | None, policy: MrrPolicy) -> bool:
    """Whether a subscription with this status, or this pause of collection, does not count."""
    if field == "status":
        return value == "paused" and policy.pause == "excluded"
    if value is None:
        return False
    return (policy.draft_pause if value == "keep_as_draft" else policy.pause) == "excluded"


def _with_next(phases: list[Phase]) -> Iterator[tuple[Phase, Phase | None]]:
    return zip(phases, [*phases[1:], None], strict=True)


def _pause_began(book: SubscriptionBook, field: str, phase: Phase) -> datetime:
    """The best guess where nobody told: the first invoice that was given up after a paid one.

    A trial that ended without a way to pay never counted. A subscription that is paused makes no
    invoices: it was paid until then.
    """
    subscription, by = book.subscription, phase.by
    bills = [i for i in book.invoices if by is None or i.issued_at <= by]
    first_billed = subscription.trial_end or subscription.started_at
    billed = any(i.issued_at >= first_billed for i in bills)
    if field == "status" and subscription.trial_end is not None and not billed:
        return subscription.started_at
    paid = [i.issued_at for i in bills if i.status == "paid"]
    paid += [phase.after] if phase.after else []
    lapsed = [i.issued_at for i in bills if i.status in ("void", "uncollectible")]
    known = by or subscription.changed_at or subscription.started_at
    if field == "status":
        until = max((end for _, _, end in book.charges()), default=known)
        known = max([min(until, known), *([phase.after] if phase.after else [])])
    return min((at for at in lapsed if not paid or at > max(paid)), default=known)


def _ended(book: SubscriptionBook, following: Phase | None) -> datetime | None:
    """When a phase was over: as told, else with what was charged next, at the latest when seen."""
    if following is None:
        return None
    if following.by is None or following.began_at is not None:
        return following.by
    after, by = following.after, following.by
    starts = [start for _, start, _ in book.charges() if start <= by]
    return min((start for start in starts if after is None or start > after), default=by)


def _unexplained(
    book: SubscriptionBook, stops: Iterable[Stop], policy: MrrPolicy
) -> Iterator[Stop]:
    """Pauses that only the bills show: what stopped it already, or a trial, explains them."""
    if policy.pause == "counted":
        return
    free, first = running_trials(book), trial_before(book)
    for start, end in uncharged(book):
        known = any(s.at < start + A_DAY and (s.until is None or start < s.until) for s in stops)
        given = any(begun < end and start < over for begun, over in free)
        if not (known or given or (first is not None and start < first)):
            until = min([end, *(at for at in _seen_running(book) if at > start)])
            yield Stop(start, "pause", until=until, inferred=True)


def _seen_running(book: SubscriptionBook) -> Iterator[datetime]:
    """When syncs saw that it was not paused, whatever its bills say of their whole period."""
    for seen in (*book.past, book.subscription):
        running = seen.collection_paused is None and seen.status != "paused"
        if running and seen.changed_at is not None:
            yield seen.changed_at

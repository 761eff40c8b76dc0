"""Counted time of a subscription: trials, pauses, missed payments and ends.

The present status does not prove the past: that rests on reported and observed changes
and on invoices.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.books import SubscriptionHistory
from cs_sync.metrics.mrr.facts import InvoiceFact
from cs_sync.metrics.mrr.first_payment import find_payment_start
from cs_sync.metrics.mrr.free_trials import find_initial_trial_end, find_later_trials
from cs_sync.metrics.mrr.phases import FieldPhase, build_phases
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.uncharged_periods import find_uncharged_periods
from cs_sync.metrics.subscriptions import NEVER_STARTED

OffCause = Literal["end", "payment", "pause"]
ONE_DAY = timedelta(days=1)
_LONGEST_DUNNING = timedelta(days=60)
_OWING = frozenset({"past_due", "unpaid", "canceled"})


class ServiceStop(Struct, frozen=True):
    """A time without counting, from `at` until `until` (if ever), because of `cause`.

    `inferred` if the source does not state the instant and it was estimated.
    """

    at: datetime
    cause: OffCause
    reason: str | None = None
    until: datetime | None = None
    inferred: bool = False


class ServicePeriod(Struct, frozen=True):
    """The counted time of a subscription: from `starts_at` on, except within its stops."""

    starts_at: datetime
    stops: tuple[ServiceStop, ...] = ()

    def counts(self, at: datetime) -> bool:
        """Return whether the subscription counts at an instant."""
        return self.starts_at <= at and self.find_stop(at) is None

    def find_stop(self, at: datetime) -> ServiceStop | None:
        """Return the stop in force at an instant, a permanent one first."""
        holding = [s for s in self.stops if s.at <= at and (s.until is None or at < s.until)]
        return min(holding, key=lambda s: (s.until is not None, s.at), default=None)

    @property
    def instants(self) -> list[datetime]:
        """Every instant at which counting may start or stop."""
        ends = [s.until for s in self.stops if s.until is not None]
        return [self.starts_at, *(s.at for s in self.stops), *ends]


def find_service_period(book: SubscriptionHistory, policy: MrrPolicy) -> ServicePeriod | None:
    """Return the counted time of a subscription; None if it never counts.

    It never counts in its first trial, or if never paid.
    """
    trials, start = find_later_trials(book), _find_start(book, policy)
    if start is None:
        return None
    stops = [
        *_list_ends(book, policy),
        *_list_payment_stops(book, policy),
        *_list_pauses(book, policy),
    ]
    if policy.trials == "excluded" and policy.running_trials == "excluded":
        stops += [ServiceStop(begun, "pause", "trial", until=over) for begun, over in trials]
    stops += _list_unexplained_pauses(book, stops, policy)
    return ServicePeriod(start, tuple(stops))


def _find_start(book: SubscriptionHistory, policy: MrrPolicy) -> datetime | None:
    """Return the first counted instant; None if there is none so far."""
    subscription, first = book.subscription, find_initial_trial_end(book)
    if subscription.status in NEVER_STARTED:
        return None
    if policy.trials == "counted":
        return subscription.started_at
    if subscription.status == "trialing" and not find_later_trials(book):
        return None
    if first is None:
        return subscription.started_at
    paid = find_payment_start(replace(subscription, trial_end=first), book.invoices)
    began = first if policy.unpaid_trials == "counted" else paid
    return began and max(began, subscription.started_at)


def _list_ends(book: SubscriptionHistory, policy: MrrPolicy) -> Iterable[ServiceStop]:
    subscription = book.subscription
    requested_at = subscription.canceled_at if policy.cancellation == "request" else None
    ends_at = subscription.ended_at or requested_at or subscription.cancel_at
    if ends_at is not None:
        at = ends_at if requested_at is None else min(ends_at, requested_at)
        if policy.cancellation == "paid_until":
            at = max([at, *_list_paid_ends(book.invoices, at)])
        yield ServiceStop(at, "end", subscription.cancel_reason)
    elif subscription.status == "canceled":
        at = subscription.canceled_at or subscription.changed_at or subscription.started_at
        yield ServiceStop(at, "end", subscription.cancel_reason, inferred=True)
    if policy.cancellation == "request":
        for phase, following in pairwise(build_phases(book, "canceled_at")):
            if phase.value is not None and following.by is not None and phase.value < following.by:
                yield ServiceStop(
                    phase.value, "end", until=following.by, inferred=following.began_at is None
                )


def _list_paid_ends(invoices: Iterable[InvoiceFact], end: datetime) -> Iterable[datetime]:
    """Yield the ends of periods paid by invoices before an end."""
    for invoice in invoices:
        if invoice.status == "paid" and invoice.issued_at < end and invoice.period_end is not None:
            yield invoice.period_end


def _list_payment_stops(book: SubscriptionHistory, policy: MrrPolicy) -> Iterable[ServiceStop]:
    """Yield losses for non-payment: after dunning, or after the policy's days overdue."""
    if policy.past_due_churn_days is not None:
        yield from _list_overdue_stops(book, timedelta(days=policy.past_due_churn_days))
    if policy.unpaid == "churn":
        for phase, following in _pair_with_next(build_phases(book, "status")):
            if phase.value == "unpaid":
                at, until = _find_dunning_end(book, phase), _find_phase_end(book, following)
                if until is None or at < until:
                    yield ServiceStop(at, "payment", "payment_failed", until=until, inferred=True)


def _list_overdue_stops(book: SubscriptionHistory, patience: timedelta) -> Iterator[ServiceStop]:
    """Yield when an invoice was overdue too long, until paid.

    Some are never paid.
    """
    for invoice in book.invoices:
        lost = (invoice.due_at or invoice.issued_at) + patience
        if invoice.paid_at is not None and lost < invoice.paid_at:
            yield ServiceStop(lost, "payment", "payment_failed", until=invoice.paid_at)
    if book.subscription.status in _OWING and (oldest := _find_oldest(_list_owed(book.invoices))):
        yield ServiceStop(
            (oldest.due_at or oldest.issued_at) + patience, "payment", "payment_failed"
        )


def _list_owed(invoices: Iterable[InvoiceFact]) -> Iterator[InvoiceFact]:
    for invoice in invoices:
        if (invoice.amount_remaining or 0) > 0 and invoice.status in ("open", "uncollectible"):
            yield invoice


def _find_oldest(invoices: Iterable[InvoiceFact]) -> InvoiceFact | None:
    return min(invoices, key=lambda i: i.issued_at, default=None)


def _find_dunning_end(book: SubscriptionHistory, phase: FieldPhase) -> datetime:
    """Find the loss of an unpaid subscription.

    It is at its next invoice's due time, or after two months. The end of dunning is not visible;
    the former is how Stripe reports it (https://support.stripe.com/questions/billing-analytics),
    the latter is its longest duration.
    """
    by = phase.by
    paid_late = (i for i in book.invoices if i.paid_at and by and i.issued_at < by <= i.paid_at)
    oldest = _find_oldest([*_list_owed(book.invoices), *paid_late])
    if oldest is None:
        return by or book.subscription.changed_at or book.subscription.started_at
    in_advance = oldest.period_end is not None and oldest.period_end > oldest.issued_at
    if not in_advance or oldest.period_end is None:
        return oldest.issued_at
    return min(oldest.period_end, (oldest.due_at or oldest.issued_at) + _LONGEST_DUNNING)


def _list_pauses(book: SubscriptionHistory, policy: MrrPolicy) -> Iterator[ServiceStop]:
    """Yield the pauses as reported and observed, including the present one."""
    for field in ("collection_paused", "status"):
        for phase, following in _pair_with_next(build_phases(book, field)):
            if not _is_stopped_by(field, phase.value, policy):
                continue
            stated = book.subscription.paused_at if following is None else None
            began_at = stated or phase.began_at
            since = began_at or _estimate_pause_start(book, field, phase)
            until = (
                book.subscription.resumes_at
                if following is None
                else _find_phase_end(book, following)
            )
            if until is None or since < until:
                unsure = began_at is None or (following is not None and following.began_at is None)
                yield ServiceStop(since, "pause", until=until, inferred=unsure)


def _is_stopped_by(field: str, value: str | None, policy: MrrPolicy) -> bool:
    """Return whether this status, or this pause of collection, excludes a subscription."""
    if field == "status":
        return value == "paused" and policy.pause == "excluded"
    if value is None:
        return False
    return (policy.draft_pause if value == "keep_as_draft" else policy.pause) == "excluded"


def _pair_with_next(phases: list[FieldPhase]) -> Iterator[tuple[FieldPhase, FieldPhase | None]]:
    return zip(phases, [*phases[1:], None], strict=True)


def _estimate_pause_start(book: SubscriptionHistory, field: str, phase: FieldPhase) -> datetime:
    """Estimate an unreported pause's start.

    It is the first void invoice after a paid one. A trial that ended without a payment method never
    counted. A paused subscription makes no invoices: it was paid until then.
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
    latest = by or subscription.changed_at or subscription.started_at
    if field == "status":
        until = max((end for _, _, end in book.list_charges()), default=latest)
        latest = max([min(until, latest), *([phase.after] if phase.after else [])])
    return min((at for at in lapsed if not paid or at > max(paid)), default=latest)


def _find_phase_end(book: SubscriptionHistory, following: FieldPhase | None) -> datetime | None:
    """Return a phase's end: reported, else next charge, else when seen."""
    if following is None:
        return None
    if following.by is None or following.began_at is not None:
        return following.by
    after, by = following.after, following.by
    starts = [start for _, start, _ in book.list_charges() if start <= by]
    return min((start for start in starts if after is None or start > after), default=by)


def _list_unexplained_pauses(
    book: SubscriptionHistory, stops: Iterable[ServiceStop], policy: MrrPolicy
) -> Iterator[ServiceStop]:
    """Yield pauses visible only in invoices.

    Without an earlier stop or a trial.
    """
    if policy.pause == "counted":
        return
    free, first = find_later_trials(book), find_initial_trial_end(book)
    for period in find_uncharged_periods(book):
        start, end = period.start, period.end
        explained = any(
            period.is_explained_by(s.at) and (s.until is None or start < s.until) for s in stops
        )
        in_trial = any(begun < end and start < over for begun, over in free)
        if not (explained or in_trial or (first is not None and start < first)):
            until = min([end, *(at for at in _list_seen_running(book) if at > start)])
            yield ServiceStop(start, "pause", until=until, inferred=True)


def _list_seen_running(book: SubscriptionHistory) -> Iterator[datetime]:
    """Yield the syncs that saw the subscription not paused.

    Whatever its invoices show.
    """
    for version in (*book.past, book.subscription):
        running = version.collection_paused is None and version.status != "paused"
        if running and version.changed_at is not None:
            yield version.changed_at

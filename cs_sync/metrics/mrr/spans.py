"""MRR timeline of an account: exact between changes, rounded once per currency."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

from cs_sync.metrics.mrr.books import build_histories
from cs_sync.metrics.mrr.charging import ChargeSchedule, list_item_changes
from cs_sync.metrics.mrr.discounts import AppliedDiscounts, select_discounts
from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.history import build_item_versions
from cs_sync.metrics.mrr.inclusive_tax import apply_invoiced_tax
from cs_sync.metrics.mrr.normalise import (
    calculate_monthly_amount,
    remove_tax,
    round_half_even,
    split_total,
)
from cs_sync.metrics.mrr.observations import collect_evidence_lines
from cs_sync.metrics.mrr.past_discounts import collect_discounts, free_lines, select_charged_lines
from cs_sync.metrics.mrr.plan_switches import join_switches
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.proration import calculate_invoiced_amount, list_interval_ends
from cs_sync.metrics.mrr.service import ServicePeriod, find_service_period


class SpanPart(NamedTuple):
    """The contribution of one item to a span, in minor units per month."""

    source: str
    subscription: str
    item: str
    product: str | None
    price: str | None
    quantity: Decimal
    amount: int


class Span(NamedTuple):
    """An MRR of `amount` minor units of `currency` in `[valid_from, valid_to)`.

    The parts sum to it.
    """

    currency: str
    valid_from: datetime
    valid_to: datetime | None
    amount: int
    parts: tuple[SpanPart, ...]
    reconstructed: bool = False
    """Whether an invoice or a neighbouring fact had to stand in for what the source keeps."""


class ItemCharge(Struct, frozen=True):
    """One item at one instant: exact minor units per month before and after discounts."""

    item: ItemFact
    gross: Fraction
    net: Fraction
    inferred: bool


class MrrState(Struct, frozen=True, dict=True):
    """All charges in one currency from `at` until the next state.

    `settled_at` is the last of the changes netted into it.
    """

    at: datetime
    charges: tuple[ItemCharge, ...]
    settled_at: datetime

    @cached_property
    def amount(self) -> int:
        """The MRR in minor units, rounded here and nowhere else."""
        if len(self.charges) == 1:
            return round_half_even(self.charges[0].net)
        return round_half_even(sum((c.net for c in self.charges), Fraction(0)))


class MrrTimeline(Struct, frozen=True):
    """States per currency in order of time, and the counted time of each subscription."""

    states: dict[str, tuple[MrrState, ...]]
    subscriptions: dict[tuple[str, str], SubscriptionFact]
    services: dict[tuple[str, str], ServicePeriod]
    policy: MrrPolicy

    def customer(self, state: MrrState) -> bool:
        """Return whether a state makes a customer, paying or free."""
        return state.amount > 0 or (self.policy.free_plan == "customer" and bool(state.charges))


def build_spans(line: MrrTimeline) -> tuple[Span, ...]:
    """Build the account's spans as a customer; equal neighbours are joined.

    The account is not a customer between them. They have positive MRR, unless the policy also
    counts free subscriptions.
    """
    spans: list[Span] = []
    for currency, states in sorted(line.states.items()):
        following = [*(state.at for state in states[1:]), None]
        for state, until in zip(states, following, strict=True):
            if not line.customer(state):
                continue
            span = _build_span(currency, state, until)
            if spans and _is_continued(spans[-1], span):
                span = _join_spans(spans.pop(), span)
            spans.append(span)
    return tuple(spans)


def build_timeline(facts: BillingFacts, policy: MrrPolicy) -> MrrTimeline:
    """Build an account's charges between changes, per currency."""
    subscriptions = {s.key: s for s in facts.subscriptions}
    services = _find_service_periods(facts, policy)
    every = apply_invoiced_tax(facts, build_item_versions(facts))
    counted = [version for version in every if version.subscription in services]
    services, versions = join_switches(services, counted, policy)
    reductions = _build_discounts(facts, versions, subscriptions, policy)
    line = MrrTimeline({}, subscriptions, services, policy)
    for currency in {subscriptions[key].currency for key in services}:
        keys = sorted(k for k in services if subscriptions[k].currency == currency)
        own = [v for v in versions if v.subscription in keys]
        states = [
            MrrState(at, tuple(_list_charges(line, keys, own, reductions, at)), at)
            for at in _list_instants(line, keys, own, reductions)
        ]
        netted = _bridge_gaps(list(_net_changes(list(_drop_unchanged(states)), policy)), policy)
        settled = tuple(_drop_unchanged(netted))
        if settled:
            line.states[currency] = settled
    return line


def _build_discounts(
    facts: BillingFacts,
    versions: Sequence[ItemFact],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
    policy: MrrPolicy,
) -> AppliedDiscounts:
    """Build the counted discounts, including those found in invoices only."""
    lines = select_charged_lines(facts)
    discounts = select_discounts(collect_discounts(facts, lines), versions, subscriptions, policy)
    changes = list_item_changes(versions, collect_evidence_lines(facts))
    charging = ChargeSchedule(changes, lines, free_lines(facts), subscriptions, policy)
    return AppliedDiscounts(discounts, charging, policy)


def _find_service_periods(
    facts: BillingFacts, policy: MrrPolicy
) -> dict[tuple[str, str], ServicePeriod]:
    """Map each subscription to its counted time.

    Those without any are left out.
    """
    periods = {
        key: find_service_period(book, policy) for key, book in build_histories(facts).items()
    }
    return {key: service for key, service in periods.items() if service is not None}


def _list_instants(
    line: MrrTimeline,
    keys: Sequence[tuple[str, str]],
    versions: Sequence[ItemFact],
    reductions: AppliedDiscounts,
) -> list[datetime]:
    instants = {at for key in keys for at in line.services[key].instants}
    if line.policy.proration == "invoiced":
        instants |= list_interval_ends(versions, line.subscriptions)
    instants |= {at for v in versions for at in (v.valid_from, v.valid_to) if at is not None}
    return sorted(instants | reductions.instants(versions))


def _list_charges(
    line: MrrTimeline,
    keys: Sequence[tuple[str, str]],
    versions: Sequence[ItemFact],
    reductions: AppliedDiscounts,
    at: datetime,
) -> Iterator[ItemCharge]:
    policy = line.policy
    for key in keys:
        subscription, service = line.subscriptions[key], line.services[key]
        if not service.counts(at):
            continue
        guessed = any(stop.inferred for stop in service.stops)
        items = [v for v in versions if v.subscription == key and _is_valid(v, at)]
        gross = {item: calculate_monthly_amount(item, policy) for item in items}
        if policy.proration == "invoiced":
            gross = {
                i: calculate_invoiced_amount(i, versions, subscription, at, policy) for i in items
            }
        net = reductions.net(gross, subscription, at)
        for item in items:
            rebuilt = item.reconstructed or reductions.inferred(subscription, item, at)
            charged = remove_tax(net[item], item, policy)
            yield ItemCharge(item, gross[item], charged, guessed or rebuilt)


def _is_valid(version: ItemFact, at: datetime) -> bool:
    return version.valid_from <= at and (version.valid_to is None or at < version.valid_to)


def _net_changes(states: Sequence[MrrState], policy: MrrPolicy) -> Iterator[MrrState]:
    """Net changes that belong together at the first of them.

    The state is their final one. A switch as "cancel, then subscribe again" is one change this way,
    not churn and reactivation.
    """
    first: MrrState | None = None
    last: MrrState | None = None
    for state in states:
        if first is not None and last is not None and not policy.are_one_change(first.at, state.at):
            yield _merge_states(first, last)
            first = None
        first, last = first or state, state
    if first is not None and last is not None:
        yield _merge_states(first, last)


def _merge_states(first: MrrState, last: MrrState) -> MrrState:
    return first if first is last else MrrState(first.at, last.charges, last.at)


def _bridge_gaps(states: Sequence[MrrState], policy: MrrPolicy) -> Iterator[MrrState]:
    """Drop gaps within the policy's grace: the state before them continues."""
    grace = timedelta(days=policy.renewal_grace_days)
    paid = False
    for state, after in zip(states, [*states[1:], None], strict=False):
        short = after is not None and after.amount > 0 and after.at - state.at <= grace
        if paid and state.amount == 0 and short:
            continue
        paid = paid or state.amount > 0
        yield state


def _drop_unchanged(states: Iterable[MrrState]) -> Iterator[MrrState]:
    """Drop states equal to the one before."""
    charges: tuple[ItemCharge, ...] = ()
    for state in states:
        if state.charges != charges:
            yield state
        charges = state.charges


def _build_span(currency: str, state: MrrState, until: datetime | None) -> Span:
    total = state.amount
    amounts = split_total(total, [c.net for c in state.charges])
    parts = tuple(
        SpanPart(i.source, i.subscription_source_id, i.source_id, i.product, i.price, i.quantity, a)
        for i, a in zip((c.item for c in state.charges), amounts, strict=True)
    )
    return Span(currency, state.at, until, total, parts, any(c.inferred for c in state.charges))


def _is_continued(first: Span, second: Span) -> bool:
    return (first.currency, first.valid_to, first.amount, first.parts, first.reconstructed) == (
        second.currency, second.valid_from, second.amount, second.parts, second.reconstructed,
    )  # fmt: skip


def _join_spans(first: Span, second: Span) -> Span:
    return Span(
        first.currency,
        first.valid_from,
        second.valid_to,
        first.amount,
        first.parts,
        first.reconstructed,
    )

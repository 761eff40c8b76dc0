"""An account's MRR timeline: exact between changes, rounded once per account and currency."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

from cs_sync.metrics.mrr.books import books_of
from cs_sync.metrics.mrr.charging import Charging
from cs_sync.metrics.mrr.discounts import Reductions, counting
from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.history import item_versions
from cs_sync.metrics.mrr.inclusive_tax import with_invoiced_tax
from cs_sync.metrics.mrr.normalise import monthly_amount, round_half_even, split, without_tax
from cs_sync.metrics.mrr.past_discounts import charged_lines, every_discount, free_lines
from cs_sync.metrics.mrr.plan_switches import join_switches
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.proration import interval_ends, invoiced_amount
from cs_sync.metrics.mrr.service import Service, service_of


@dataclass(frozen=True, slots=True)
class Part:
    """What one item contributes to a span, in minor units per month."""

    source: str
    subscription: str
    item: str
    product: str | None
    price: str | None
    quantity: Decimal
    amount: int

    def json(self) -> dict[str, Any]:
        """As stored in `mrr_span.parts`; the quantity as a numeral, to keep its digits."""
        return {
            "source": self.source,
            "subscription": self.subscription,
            "item": self.item,
            "product": self.product,
            "price": self.price,
            "quantity": format(self.quantity.normalize(), "f"),
            "amount": self.amount,
        }


@dataclass(frozen=True, slots=True)
class Span:
    """MRR was `amount` minor units of `currency` in `[valid_from, valid_to)`; parts sum to it."""

    currency: str
    valid_from: datetime
    valid_to: datetime | None
    amount: int
    parts: tuple[Part, ...]
    reconstructed: bool = False
    """Whether an invoice or a neighbouring fact had to stand in for what the source keeps."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One item at one instant: exact minor units per month before and after discounts."""

    item: ItemFact
    gross: Fraction
    net: Fraction
    inferred: bool


@dataclass(frozen=True)
class State:
    """Everything charged in one currency from `at` until the next state.

    `settled_at` is the last of the changes that were netted into it.
    """

    at: datetime
    charges: tuple[Charge, ...]
    settled_at: datetime

    @cached_property
    def amount(self) -> int:
        """MRR in minor units, rounded here and nowhere else."""
        if len(self.charges) == 1:
            return round_half_even(self.charges[0].net)
        return round_half_even(sum((c.net for c in self.charges), Fraction(0)))


@dataclass(frozen=True, slots=True)
class Timeline:
    """States per currency in order of time, and when each subscription counts."""

    states: dict[str, tuple[State, ...]]
    subscriptions: dict[tuple[str, str], SubscriptionFact]
    services: dict[tuple[str, str], Service]
    policy: MrrPolicy

    def customer(self, state: State) -> bool:
        """Whether somebody with this state is a customer: pays, or has the policy's free plan."""
        return state.amount > 0 or (self.policy.free_plan == "customer" and bool(state.charges))


def account_spans(facts: BillingFacts, policy: MrrPolicy) -> tuple[Span, ...]:
    """The account's spans as a customer by currency and time; between them it is none.

    They are of positive MRR, unless the policy counts who subscribes for nothing, too.
    """
    return spans_of(timeline(facts, policy))


def spans_of(line: Timeline) -> tuple[Span, ...]:
    """The spans of a timeline, neighbours that are alike joined into one."""
    spans: list[Span] = []
    for currency, states in sorted(line.states.items()):
        following = [*(state.at for state in states[1:]), None]
        for state, until in zip(states, following, strict=True):
            if not line.customer(state):
                continue
            span = _span(currency, state, until)
            if spans and _continues(spans[-1], span):
                span = _joined(spans.pop(), span)
            spans.append(span)
    return tuple(spans)


def timeline(facts: BillingFacts, policy: MrrPolicy) -> Timeline:
    """What the account is charged from each change to the next, per currency."""
    subscriptions = {s.key: s for s in facts.subscriptions}
    services = _services(facts, policy)
    every = with_invoiced_tax(facts, item_versions(facts))
    counted = [version for version in every if version.subscription in services]
    services, versions = join_switches(services, counted, policy)
    reductions = _reductions(facts, versions, subscriptions, policy)
    line = Timeline({}, subscriptions, services, policy)
    for currency in {subscriptions[key].currency for key in services}:
        keys = sorted(k for k in services if subscriptions[k].currency == currency)
        mine = [v for v in versions if v.subscription in keys]
        states = [
            State(at, tuple(_charges(line, keys, mine, reductions, at)), at)
            for at in _instants(line, keys, mine, reductions)
        ]
        netted = _bridged(list(_netted(list(_distinct(states)), policy)), policy)
        settled = tuple(_distinct(netted))
        if settled:
            line.states[currency] = settled
    return line


def _reductions(
    facts: BillingFacts,
    versions: Sequence[ItemFact],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
    policy: MrrPolicy,
) -> Reductions:
    """The discounts that count, those that only invoices tell of among them."""
    lines = charged_lines(facts)
    discounts = counting(every_discount(facts, lines), versions, subscriptions, policy)
    charging = Charging(versions, lines, free_lines(facts), subscriptions, policy)
    return Reductions(discounts, charging, policy)


def _services(facts: BillingFacts, policy: MrrPolicy) -> dict[tuple[str, str], Service]:
    """When each subscription counts; those that never do are left out."""
    found = {key: service_of(book, policy) for key, book in books_of(facts).items()}
    return {key: service for key, service in found.items() if service is not None}


def _instants(
    line: Timeline,
    keys: Sequence[tuple[str, str]],
    versions: Sequence[ItemFact],
    reductions: Reductions,
) -> list[datetime]:
    found = {at for key in keys for at in line.services[key].instants}
    if line.policy.proration == "invoiced":
        found |= interval_ends(versions, line.subscriptions)
    found |= {at for v in versions for at in (v.valid_from, v.valid_to) if at is not None}
    return sorted(found | reductions.instants(versions))


def _charges(
    line: Timeline,
    keys: Sequence[tuple[str, str]],
    versions: Sequence[ItemFact],
    reductions: Reductions,
    at: datetime,
) -> Iterator[Charge]:
    policy = line.policy
    for key in keys:
        subscription, service = line.subscriptions[key], line.services[key]
        if not service.counts(at):
            continue
        guessed = any(stop.inferred for stop in service.stops)
        items = [v for v in versions if v.subscription == key and _valid(v, at)]
        gross = {item: monthly_amount(item, policy) for item in items}
        if policy.proration == "invoiced":
            gross = {i: invoiced_amount(i, versions, subscription, at, policy) for i in items}
        net = reductions.net(gross, subscription, at)
        for item in items:
            rebuilt = item.reconstructed or reductions.inferred(subscription, item, at)
            charged = without_tax(net[item], item, policy)
            yield Charge(item, gross[item], charged, guessed or rebuilt)


def _valid(version: ItemFact, at: datetime) -> bool:
    return version.valid_from <= at and (version.valid_to is None or at < version.valid_to)


def _netted(states: Sequence[State], policy: MrrPolicy) -> Iterator[State]:
    """Changes that belong together take effect at the first of them, with what they end in.

    A switch done as "cancel, then subscribe again" is one change that way, not churn and return.
    """
    first: State | None = None
    last: State | None = None
    for state in states:
        if first is not None and last is not None and not policy.nets(first.at, state.at):
            yield _ending_in(first, last)
            first = None
        first, last = first or state, state
    if first is not None and last is not None:
        yield _ending_in(first, last)


def _ending_in(first: State, last: State) -> State:
    return first if first is last else State(first.at, last.charges, last.at)


def _bridged(states: Sequence[State], policy: MrrPolicy) -> Iterator[State]:
    """Leave out gaps that are within the policy's grace, so that what was before them lasts."""
    grace = timedelta(days=policy.renewal_grace_days)
    paid = False
    for state, after in zip(states, [*states[1:], None], strict=False):
        short = after is not None and after.amount > 0 and after.at - state.at <= grace
        if paid and state.amount == 0 and short:
            continue
        paid = paid or state.amount > 0
        yield state


def _distinct(states: Iterable[State]) -> Iterator[State]:
    """Leave out a state in which nothing is different from the one before."""
    charges: tuple[Charge, ...] = ()
    for state in states:
        if state.charges != charges:
            yield state
        charges = state.charges


def _span(currency: str, state: State, until: datetime | None) -> Span:
    total = state.amount
    amounts = split(total, [c.net for c in state.charges])
    parts = tuple(
        Part(i.source, i.subscription_source_id, i.source_id, i.product, i.price, i.quantity, a)
        for i, a in zip((c.item for c in state.charges), amounts, strict=True)
    )
    return Span(currency, state.at, until, total, parts, any(c.inferred for c in state.charges))


def _continues(one: Span, other: Span) -> bool:
    return (one.currency, one.valid_to, one.amount, one.parts, one.reconstructed) == (
        other.currency, other.valid_from, other.amount, other.parts, other.reconstructed,
    )  # fmt: skip


def _joined(one: Span, other: Span) -> Span:
    return Span(
        one.currency, one.valid_from, other.valid_to, one.amount, one.parts, one.reconstructed
    )

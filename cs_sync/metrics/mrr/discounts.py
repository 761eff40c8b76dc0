"""What discounts leave of the items they apply to: item, then subscription, then account."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from cs_sync.metrics.mrr.charging import Charging
from cs_sync.metrics.mrr.facts import DiscountFact, ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.normalise import per_month
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import after_interval

Amounts = dict[ItemFact, Fraction]


def counting(
    discounts: Iterable[DiscountFact],
    items: Sequence[ItemFact],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
    policy: MrrPolicy,
) -> list[DiscountFact]:
    """The discounts that lower MRR under the policy, in the order in which they apply.

    Percentages come before fixed amounts within a level. One that is granted once and is to
    count does so for one billing interval.
    """
    counts = {
        "forever": policy.forever_discounts,
        "repeating": policy.repeating_discounts,
        "once": policy.once_discounts,
    }
    kept = [d for d in discounts if counts[d.duration]]
    ordered = sorted(kept, key=lambda d: (_level(d), d.percent_off is None, d.source_id))
    return [
        _first_interval(d, items, subscriptions) if d.duration == "once" else d for d in ordered
    ]


@dataclass(frozen=True, slots=True)
class Reductions:
    """The discounts that count for an account, and when its items are charged with them."""

    discounts: Sequence[DiscountFact]
    charging: Charging
    policy: MrrPolicy

    def instants(self, items: Iterable[ItemFact]) -> set[datetime]:
        """Every instant at which a discount may begin or cease to count for one of the items."""
        edges = {at for d in self.discounts for at in (d.starts_at, d.ends_at) if at is not None}
        if not edges:
            return set()
        some = list(items)
        return {self.charging.following(i, at) for i in some for at in edges} | {
            at for i in some for at in self.charging.billed(i)
        }

    def net(
        self, gross: Mapping[ItemFact, Fraction], subscription: SubscriptionFact, at: datetime
    ) -> Amounts:
        """Monthly amounts of a subscription's items after the discounts that count at `at`.

        A fallback of the account steps back where the subscription has one of its own; Stripe's
        discounts of customers are such.
        """
        amounts = dict(gross)
        own = any(
            _level(d) == 1 and any(self.counts(d, subscription, i, at) for i in gross)
            for d in self.discounts
        )
        for discount in self.discounts:
            if own and discount.is_fallback and _level(discount) == 2:
                continue
            touched = {i: amounts[i] for i in amounts if self.counts(discount, subscription, i, at)}
            amounts |= _reduced(touched, discount, self.policy)
        return amounts

    def inferred(self, subscription: SubscriptionFact, item: ItemFact, at: datetime) -> bool:
        """Whether a discount that the source no longer shows lowers an item at an instant."""
        gone = [d for d in self.discounts if d.reconstructed]
        return any(self.counts(d, subscription, item, at) for d in gone)

    def counts(
        self, discount: DiscountFact, subscription: SubscriptionFact, item: ItemFact, at: datetime
    ) -> bool:
        """Whether a discount lowers this item at an instant.

        It is the one at which the item was charged that decides, where that is long ago.
        """
        if not may_apply(discount, subscription, item.source_id, item.product):
            return False
        decided = self.charging.deciding(item, at)
        return discount.starts_at <= decided and (
            discount.ends_at is None or decided < discount.ends_at
        )


def _reduced(amounts: Amounts, discount: DiscountFact, policy: MrrPolicy) -> Amounts:
    total = sum(amounts.values(), Fraction(0))
    if total <= 0:
        return amounts
    if discount.percent_off is not None:
        keep = 1 - Fraction(discount.percent_off) / 100
    else:
        off = Fraction(discount.amount_off or 0) * _invoices_per_month(amounts, policy)
        keep = max(Fraction(0), 1 - off / total)
    return {item: amount * keep for item, amount in amounts.items()}


def _invoices_per_month(items: Iterable[ItemFact], policy: MrrPolicy) -> Fraction:
    """A fixed amount comes off every invoice; of several rhythms the fastest counts."""
    return max(per_month(item.interval, item.interval_count, policy) for item in items)


def _level(discount: DiscountFact) -> int:
    if discount.subscription_item_source_id is not None:
        return 0
    return 1 if discount.subscription_source_id is not None else 2


def may_apply(
    discount: DiscountFact, subscription: SubscriptionFact, item_id: str, product: str | None
) -> bool:
    """Whether a discount is for this item of this subscription, whenever it runs."""
    if discount.source != subscription.source:
        return False
    if discount.amount_off is not None and discount.currency not in (None, subscription.currency):
        return False
    if discount.products is not None and product not in discount.products:
        return False
    if discount.subscription_item_source_id is not None:
        return discount.subscription_item_source_id == item_id
    if discount.subscription_source_id is not None:
        return discount.subscription_source_id == subscription.source_id
    return discount.account_source_id == subscription.account_source_id


def _first_interval(
    discount: DiscountFact,
    items: Sequence[ItemFact],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
) -> DiscountFact:
    if discount.ends_at is not None:
        return discount
    ends = [
        after_interval(discount.starts_at, item.interval, item.interval_count)
        for item in items
        if may_apply(discount, subscriptions[item.subscription], item.source_id, item.product)
    ]
    return replace(discount, ends_at=min(ends, default=discount.starts_at))

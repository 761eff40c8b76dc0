"""Application of discounts to items: item, then subscription, then account."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.charging import ChargeSchedule
from cs_sync.metrics.mrr.facts import DiscountFact, ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.normalise import get_monthly_frequency
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import add_interval

Amounts = dict[ItemFact, Fraction]


def select_discounts(
    discounts: Iterable[DiscountFact],
    items: Sequence[ItemFact],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
    policy: MrrPolicy,
) -> list[DiscountFact]:
    """Select the discounts that lower MRR, in order of application.

    The policy decides which do. Percentages come before fixed amounts within a level. A one-time
    discount, if counted, lasts one billing interval.
    """
    counts = {
        "forever": policy.forever_discounts,
        "repeating": policy.repeating_discounts,
        "once": policy.once_discounts,
    }
    counted = [d for d in discounts if counts[d.duration]]
    ordered = sorted(counted, key=lambda d: (_get_level(d), d.percent_off is None, d.source_id))
    return [
        _limit_to_interval(d, items, subscriptions) if d.duration == "once" else d for d in ordered
    ]


class AppliedDiscounts(Struct, frozen=True):
    """The counted discounts of an account, with the charge times of its items."""

    discounts: Sequence[DiscountFact]
    charging: ChargeSchedule
    policy: MrrPolicy

    def instants(self, items: Iterable[ItemFact]) -> set[datetime]:
        """Collect the instants at which the items' discounts start or stop."""
        edges = {at for d in self.discounts for at in (d.starts_at, d.ends_at) if at is not None}
        if not edges:
            return set()
        all_items = list(items)
        return {self.charging.find_next_charge(i, at) for i in all_items for at in edges} | {
            at for i in all_items for at in self.charging.list_charges(i)
        }

    def net(
        self, gross: Mapping[ItemFact, Fraction], subscription: SubscriptionFact, at: datetime
    ) -> Amounts:
        """Return the monthly amounts of a subscription's items after discounts at `at`.

        A fallback discount of the account is skipped if the subscription has its own, as with
        Stripe's customer discounts.

        Args:
            gross: Item → minor units per month before discounts.
            subscription: The subscription of the items.
            at: The instant.
        """
        amounts = dict(gross)
        own = any(
            _get_level(d) == 1 and any(self.counts(d, subscription, i, at) for i in gross)
            for d in self.discounts
        )
        for discount in self.discounts:
            if own and discount.is_fallback and _get_level(discount) == 2:
                continue
            touched = {i: amounts[i] for i in amounts if self.counts(discount, subscription, i, at)}
            amounts |= _apply_discount(touched, discount, self.policy)
        return amounts

    def inferred(self, subscription: SubscriptionFact, item: ItemFact, at: datetime) -> bool:
        """Return whether an unlisted discount lowers an item at an instant."""
        reconstructed = [d for d in self.discounts if d.reconstructed]
        return any(self.counts(d, subscription, item, at) for d in reconstructed)

    def counts(
        self, discount: DiscountFact, subscription: SubscriptionFact, item: ItemFact, at: datetime
    ) -> bool:
        """Return whether a discount lowers this item at an instant.

        The item's last charge decides, if it is long ago.
        """
        if not may_apply(discount, subscription, item.source_id, item.product):
            return False
        decided = self.charging.find_charge_time(item, at)
        return discount.starts_at <= decided and (
            discount.ends_at is None or decided < discount.ends_at
        )


def _apply_discount(amounts: Amounts, discount: DiscountFact, policy: MrrPolicy) -> Amounts:
    total = sum(amounts.values(), Fraction(0))
    if total <= 0:
        return amounts
    if discount.percent_off is not None:
        keep = 1 - Fraction(discount.percent_off) / 100
    else:
        off = Fraction(discount.amount_off or 0) * _count_invoices_per_month(amounts, policy)
        keep = max(Fraction(0), 1 - off / total)
    return {item: amount * keep for item, amount in amounts.items()}


def _count_invoices_per_month(items: Iterable[ItemFact], policy: MrrPolicy) -> Fraction:
    """Count the invoices per month.

    Of several rhythms the fastest counts. A fixed amount is taken off every invoice.
    """
    return max(get_monthly_frequency(item.interval, item.interval_count, policy) for item in items)


def _get_level(discount: DiscountFact) -> int:
    if discount.subscription_item_source_id is not None:
        return 0
    return 1 if discount.subscription_source_id is not None else 2


def may_apply(
    discount: DiscountFact, subscription: SubscriptionFact, item_id: str, product: str | None
) -> bool:
    """Return whether a discount may ever apply to this item.

    The item of this subscription, at any time.
    """
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


def _limit_to_interval(
    discount: DiscountFact,
    items: Sequence[ItemFact],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
) -> DiscountFact:
    if discount.ends_at is not None:
        return discount
    ends = [
        add_interval(discount.starts_at, item.interval, item.interval_count)
        for item in items
        if may_apply(discount, subscriptions[item.subscription], item.source_id, item.product)
    ]
    return replace(discount, ends_at=min(ends, default=discount.starts_at))

"""Which discounts belong to an account's facts."""

from typing import Any

from cs_sync_schemas import Discount, Subscription, SubscriptionItem
from tests.metrics.conftest import Ledger, utc


def test_discounts_of_an_item_are_those_of_its_source(ledger: Ledger) -> None:
    for name in "ab":
        ledger.account(name)
        at: dict[str, Any] = {"currency": "EUR", "started_at": utc(2026, 1, 1)}
        ledger.add(Subscription, {"source_id": name, "account_source_id": name, **at})
        item = {"subscription_source_id": name, "unit_amount": "500"}
        for month in (1, 2):
            ledger.add(
                SubscriptionItem, {"source_id": name, "valid_from": utc(2026, month, 1), **item}
            )
    off = {"subscription_item_source_id": "a", "percent_off": "10", "starts_at": utc(2026, 1, 1)}
    ledger.add(Discount, {"source_id": "mine", **off})
    ledger.add(Discount, {"source_id": "foreign", "source": "other", **off})
    ledger.add(Discount, {"source_id": "gone", "deleted_at": utc(2026, 3, 1), **off})
    facts = ledger.facts("a", "b")
    assert [discount.source_id for discount in facts["a"].discounts] == ["mine"]
    assert not facts["b"].discounts

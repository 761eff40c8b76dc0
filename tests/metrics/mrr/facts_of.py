"""Short ways to write billing facts in tests."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.facts import (
    BillingFacts,
    ChangeFact,
    DiscountFact,
    InvoiceFact,
    ItemFact,
    LineFact,
    SubscriptionFact,
)


def at(year: int, month: int, day: int = 1, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def sub(source_id: str = "s", **fields: Any) -> SubscriptionFact:
    given = {"account_source_id": "a", "status": "active", "started_at": at(2026, 1)}
    return SubscriptionFact(
        **{"source": "x", "source_id": source_id, "currency": "EUR", **given, **fields}
    )


def item(source_id: str = "i", amount: Any = "1000", quantity: Any = 1, **fields: Any) -> ItemFact:
    given: dict[str, Any] = {
        "source": "x",
        "source_id": source_id,
        "subscription_source_id": "s",
        "valid_from": at(2026, 1),
        "unit_amount": None if amount is None else Decimal(amount),
        "quantity": Decimal(quantity),
    }
    return ItemFact(**{**given, **fields})


def discount(source_id: str = "d", **fields: Any) -> DiscountFact:
    given: dict[str, Any] = {"starts_at": at(2026, 1)}
    if not {"account_source_id", "subscription_item_source_id"} & fields.keys():
        given["subscription_source_id"] = "s"
    return DiscountFact(**{"source": "x", "source_id": source_id, **given, **fields})


def invoice(source_id: str, issued_at: datetime, **fields: Any) -> InvoiceFact:
    given: dict[str, Any] = {
        "source": "x",
        "source_id": source_id,
        "account_source_id": "a",
        "subscription_source_id": "s",
        "status": "paid",
        "issued_at": issued_at,
    }
    return InvoiceFact(**{**given, **fields})


def line(
    source_id: str, period: tuple[datetime, datetime], amount: int, quantity: int, **fields: Any
) -> LineFact:
    given: dict[str, Any] = {
        "source": "x",
        "source_id": source_id,
        "invoice_source_id": source_id,
        "subscription_source_id": "s",
        "subscription_item_source_id": "i",
        "price": "p",
        "quantity": Decimal(quantity),
        "interval": "month",
        "interval_count": 1,
        "period_start": period[0],
        "period_end": period[1],
        "amount": amount,
    }
    return LineFact(**{**given, **fields})


def change(happened_at: datetime, **before: Any) -> ChangeFact:
    return ChangeFact("x", f"evt {happened_at}", "s", happened_at, before)


def facts(*rows: Any) -> BillingFacts:
    def of(kind: type[Any]) -> tuple[Any, ...]:
        return tuple(row for row in rows if isinstance(row, kind))

    return BillingFacts(
        "a",
        of(SubscriptionFact),
        of(ItemFact),
        of(DiscountFact),
        of(InvoiceFact),
        of(LineFact),
        of(ChangeFact),
    )

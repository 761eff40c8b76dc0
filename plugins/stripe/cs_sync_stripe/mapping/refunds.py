"""Refunds: money given back."""

from collections.abc import Iterator

from cs_sync_schemas import Refund
from cs_sync_stripe.mapping.fields import Mapped, Raw, id_of, moment, need


def refund(raw: Raw) -> Iterator[Mapped]:
    """The refund."""
    yield (
        Refund,
        {
            "source_id": raw["id"],
            "account_source_id": id_of(raw.get("customer")),
            "amount": need(raw, "amount"),
            "currency": need(raw, "currency"),
            "status": raw.get("status"),
            "reason": raw.get("reason"),
            "refunded_at": moment(need(raw, "created")),
            "raw": raw,
        },
    )

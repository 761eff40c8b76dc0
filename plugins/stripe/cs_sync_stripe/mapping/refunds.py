"""Mapping of refunds."""

from collections.abc import Iterator

from cs_sync_schemas import Refund
from cs_sync_stripe.mapping.fields import Mapped, Raw, get_id, parse_timestamp, require_field


def map_refund(raw: Raw) -> Iterator[Mapped]:
    """Yield the refund."""
    yield (
        Refund,
        {
            "source_id": raw["id"],
            "account_source_id": get_id(raw.get("customer")),
            "amount": require_field(raw, "amount"),
            "currency": require_field(raw, "currency"),
            "status": raw.get("status"),
            "reason": raw.get("reason"),
            "refunded_at": parse_timestamp(require_field(raw, "created")),
            "raw": raw,
        },
    )

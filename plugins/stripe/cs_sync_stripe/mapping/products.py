"""Mapping of products."""

from collections.abc import Iterator

from cs_sync_schemas import Product
from cs_sync_stripe.mapping.fields import Mapped, Raw, parse_timestamp


def map_product(raw: Raw) -> Iterator[Mapped]:
    """Yield the product."""
    yield (
        Product,
        {
            "source_id": raw["id"],
            "name": raw.get("name"),
            "is_active": raw.get("active", True),
            "updated_at": parse_timestamp(raw.get("updated")),
            "raw": raw,
        },
    )

"""Products: what is sold."""

from collections.abc import Iterator

from cs_sync_schemas import Product
from cs_sync_stripe.mapping.fields import Mapped, Raw, moment


def product(raw: Raw) -> Iterator[Mapped]:
    """The product."""
    yield (
        Product,
        {
            "source_id": raw["id"],
            "name": raw.get("name"),
            "is_active": raw.get("active", True),
            "updated_at": moment(raw.get("updated")),
            "raw": raw,
        },
    )

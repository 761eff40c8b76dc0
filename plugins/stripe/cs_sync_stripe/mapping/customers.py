"""Mapping of customers: the accounts billed by Stripe."""

from collections.abc import Iterator

from cs_sync_schemas import SourceAccount
from cs_sync_stripe.mapping.discounts import map_discounts
from cs_sync_stripe.mapping.fields import Lookup, Mapped, Raw, build_dashboard_url, parse_timestamp


def map_customer(raw: Raw, lookup: Lookup, account_key_field: str) -> Iterator[Mapped]:
    """Yield the customer and its discounts.

    The e-mail address receives invoices and is often a shared mailbox, so it claims no
    domain.
    """
    metadata = dict(raw.get("metadata") or {})
    yield (
        SourceAccount,
        {
            "source_id": raw["id"],
            "name": raw.get("name") or raw.get("business_name") or raw.get("individual_name"),
            "external_key": metadata.pop(account_key_field, None) or None,
            "email": raw.get("email"),
            "attributes": metadata,
            "created_at": parse_timestamp(raw.get("created")),
            "url": build_dashboard_url(raw, "customers"),
            "raw": raw,
        },
    )
    yield from map_discounts(raw, {"account_source_id": raw["id"]}, raw.get("currency"), lookup)

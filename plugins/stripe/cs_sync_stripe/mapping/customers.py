"""Customers: the accounts that Stripe bills."""

from collections.abc import Iterator

from cs_sync_schemas import SourceAccount
from cs_sync_stripe.mapping.discounts import discounts
from cs_sync_stripe.mapping.fields import Lookup, Mapped, Raw, dashboard, moment


def customer(raw: Raw, lookup: Lookup, account_key_field: str) -> Iterator[Mapped]:
    """The customer and the discount on all that is billed to it.

    The e-mail is where invoices go, often a mailbox shared by many, so it claims no domain.
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
            "created_at": moment(raw.get("created")),
            "url": dashboard(raw, "customers"),
            "raw": raw,
        },
    )
    yield from discounts(raw, {"account_source_id": raw["id"]}, raw.get("currency"), lookup)

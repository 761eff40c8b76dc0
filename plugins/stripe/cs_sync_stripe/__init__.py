"""The Stripe connector: reads billing, writes nothing."""

from cs_sync import Source, hookimpl
from cs_sync_stripe.source import StripeSource


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Offer the source."""
    return [StripeSource]

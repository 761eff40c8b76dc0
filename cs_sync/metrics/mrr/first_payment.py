"""Whether a trial led to a payment, and when: who never paid was never a customer."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cs_sync.metrics.mrr.facts import InvoiceFact, SubscriptionFact

_AT_ONCE = timedelta(days=1)
"""A charge at a trial's end is made an hour later; what is paid within a day was paid in time."""


def paid_since(subscription: SubscriptionFact, invoices: Sequence[InvoiceFact]) -> datetime | None:
    """From when on it pays after its trial: the trial's end, a late first payment, or never so far.

    Where no invoice tells, the status does. An invoice with time to pay is believed until it is
    given up; a charge that failed is not, so that nobody becomes a customer by a card that is
    refused. One that is voided for a subscription that goes on was the seller's own decision.
    """
    begin = subscription.trial_end or subscription.started_at
    billed = [i for i in invoices if i.issued_at >= begin and i.status != "draft"]
    paid = [i for i in billed if i.status == "paid"]
    if paid:
        asked = min(i.issued_at for i in billed)
        return min(_since(invoice, begin, asked) for invoice in paid)
    if subscription.status in ("canceled", "unpaid"):
        return None if billed else begin
    refused = subscription.status == "past_due" and all(i.due_at is None for i in billed)
    given_up = any(i.status == "uncollectible" for i in billed)
    return None if billed and (refused or given_up) else begin


def _since(invoice: InvoiceFact, begin: datetime, asked: datetime) -> datetime:
    """The begin, where this invoice answers the first demand in time, else when it was paid."""
    settled = invoice.paid_at or invoice.issued_at
    with_time = invoice.due_at is not None and invoice.issued_at - asked <= _AT_ONCE
    return begin if with_time or settled - asked <= _AT_ONCE else settled

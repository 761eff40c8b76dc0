"""First payment after a trial; without one the account was never a customer."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cs_sync.metrics.mrr.facts import InvoiceFact, SubscriptionFact

_AT_ONCE = timedelta(days=1)
"""A charge at a trial's end is made an hour later; what is paid within a day was paid in time."""


def find_payment_start(
    subscription: SubscriptionFact, invoices: Sequence[InvoiceFact]
) -> datetime | None:
    """Return the start of payment after a trial.

    Without an invoice the status decides. An invoice with payment terms is trusted until it
    is given up; a failed charge is not, so a refused card makes no customer. A void invoice
    of a continuing subscription was the seller's own decision.

    Returns:
        The trial's end, a late first payment, or None if never paid so far.
    """
    begin = subscription.trial_end or subscription.started_at
    billed = [i for i in invoices if i.issued_at >= begin and i.status != "draft"]
    paid = [i for i in billed if i.status == "paid"]
    if paid:
        first_issued = min(i.issued_at for i in billed)
        return min(_find_start(invoice, begin, first_issued) for invoice in paid)
    if subscription.status in ("canceled", "unpaid"):
        return None if billed else begin
    refused = subscription.status == "past_due" and all(i.due_at is None for i in billed)
    given_up = any(i.status == "uncollectible" for i in billed)
    return None if billed and (refused or given_up) else begin


def _find_start(invoice: InvoiceFact, begin: datetime, first_issued: datetime) -> datetime:
    """Return the begin, or the payment time if paid late."""
    settled = invoice.paid_at or invoice.issued_at
    with_time = invoice.due_at is not None and invoice.issued_at - first_issued <= _AT_ONCE
    return begin if with_time or settled - first_issued <= _AT_ONCE else settled

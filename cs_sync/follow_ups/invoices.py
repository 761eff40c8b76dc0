"""Unpaid invoices of an account: how late they are, and whether the customer is well."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.conditions import has_open_detractor, is_ending
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import format_date
from cs_sync.health.facts import OverdueInvoice
from cs_sync.health.wording import to_plain_line

QUIET_DAYS = 14
"""Days without use after which nobody calls a customer well."""
FALL = 2
"""Use that fell to less than one part in so many is no good sign either."""


def sort_invoices(view: AccountView) -> list[OverdueInvoice]:
    """Return the overdue invoices, the latest in paying first."""
    return sorted(view.invoices, key=lambda i: (get_late_since(i), i.source, i.source_id))


def get_late_since(invoice: OverdueInvoice) -> datetime:
    """Return since when an invoice is late: due date, else failed charge."""
    return invoice.due_at or invoice.issued_at


def count_days_late(invoice: OverdueInvoice, view: AccountView) -> int:
    """Return the whole days an invoice is late, in the reporting zone."""
    since = get_late_since(invoice).astimezone(ZoneInfo(view.zone)).date()
    return max((view.today - since).days, 0)


def is_well(view: AccountView) -> bool:
    """Return whether nothing but the invoice speaks against the account.

    It neither leaves nor complains, and where its use is known, that is recent and not half
    of what it was.
    """
    if is_ending(view) or has_open_detractor(view):
        return False
    use, idle = view.usage, view.unused_days
    recent = idle is None or idle < QUIET_DAYS
    return recent and (use is None or use.recent_days * FALL >= use.earlier_days)


def is_safe(view: AccountView) -> bool:
    """Return whether neither the account nor its health gives a warning."""
    return is_well(view) and view.band not in ("red", "yellow")


def describe_invoice(invoice: OverdueInvoice, view: AccountView) -> str:
    """Describe an invoice in a sentence: amount, day, days late, failed charges."""
    say = view.words
    attempts = invoice.attempt_count or None
    return say(
        "unpaid_invoice.failed" if attempts else "unpaid_invoice.late",
        attempts,
        invoice=to_plain_line(invoice.number or invoice.source_id, 40),
        amount=say.format_money(invoice.amount_remaining, invoice.currency),
        day=format_date(get_late_since(invoice), view),
    )


def build_invoice_evidence(invoice: OverdueInvoice, view: AccountView) -> dict[str, Any]:
    """Build the evidence of an overdue invoice."""
    return {
        "kind": "invoice",
        "id": f"invoice {invoice.source}:{invoice.source_id}",
        "text": describe_invoice(invoice, view),
        "source": invoice.source,
        "source_id": invoice.source_id,
        "label": invoice.number or invoice.source_id,
        "url": invoice.url,
    }

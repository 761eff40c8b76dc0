"""Conditions of an account that exclude playbooks."""

from datetime import timedelta

from cs_sync.follow_ups.priority import LOW_SHARE
from cs_sync.follow_ups.view import AccountView

DETRACTOR = 6
"""The highest answer of a detractor, by the definition of NPS."""
DETRACTOR_DAYS = 90
"""How long a person's low answer stands in the way of asking their company for a favour."""


def is_red(view: AccountView) -> bool:
    """Return whether the account's health is red."""
    return view.band == "red"


def has_unpaid_invoice(view: AccountView) -> bool:
    """Return whether an invoice is overdue, or a charge of it failed."""
    return bool(view.invoices)


def is_ending(view: AccountView) -> bool:
    """Return whether a subscription is cancelled and still runs."""
    return any(sub.ends_at is not None and sub.ends_at > view.now for sub in view.subscriptions)


def has_open_detractor(view: AccountView) -> bool:
    """Return whether a detractor's answer is recent or its call open."""
    oldest = view.now - timedelta(days=DETRACTOR_DAYS)
    low = (a for a in view.answers if a.kind == "nps" and a.score <= DETRACTOR)
    return bool(view.occasions.get("detractor_call")) or any(a.answered_at >= oldest for a in low)


def is_small(view: AccountView) -> bool:
    """Return whether the account pays below a fifth of median MRR."""
    return view.monthly < (view.typical_mrr or 0) * LOW_SHARE


NO_FAVOURS = (has_unpaid_invoice, is_red, has_open_detractor, is_ending)
"""When nobody is asked for a referral, a larger plan or a story."""

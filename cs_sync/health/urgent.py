"""What asks for a call whatever the score: an unpaid invoice, a scheduled cancellation."""

from collections.abc import Iterator

from cs_sync.health.facts import AccountEvidence, RunningSubscription
from cs_sync.health.scope import SignalScope
from cs_sync.health.sentences import describe_cancellation, describe_unpaid
from cs_sync.health.signals.billing import UNPAID_STATUSES
from cs_sync.i18n import ENGLISH, Translator


def list_urgent_reasons(
    evidence: AccountEvidence, scope: SignalScope, words: Translator = ENGLISH
) -> list[str]:
    """Return a sentence per unpaid invoice and scheduled end.

    A trial that ends is not a cancellation.

    Args:
        evidence: The facts of the account.
        scope: The day.
        words: The translator of the sentences.
    """
    return list(_describe_urgency(evidence, scope, words))


def is_leaving(evidence: AccountEvidence) -> bool:
    """Return whether all that the account pays for is going to end."""
    paid = _list_paid(evidence)
    return bool(paid) and all(subscription.ends_at for subscription in paid)


def is_unpaid(evidence: AccountEvidence) -> bool:
    """Return whether an invoice is overdue, or a subscription unpaid."""
    return bool(evidence.invoices) or any(
        subscription.status in UNPAID_STATUSES for subscription in evidence.subscriptions
    )


def _describe_urgency(
    evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> Iterator[str]:
    if is_unpaid(evidence):
        yield describe_unpaid(evidence, scope, words)
    if any(subscription.ends_at for subscription in _list_paid(evidence)):
        yield describe_cancellation(evidence, scope, words)


def _list_paid(evidence: AccountEvidence) -> list[RunningSubscription]:
    return [s for s in evidence.subscriptions if s.status != "trialing"]

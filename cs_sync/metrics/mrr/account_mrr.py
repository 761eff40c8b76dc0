"""The MRR of an account: with integers where its facts are plain, exactly rebuilt elsewhere."""

from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync.metrics.mrr.movements import AccountMrr, calculate_exact_mrr
from cs_sync.metrics.mrr.plain import calculate_plain_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy


def calculate_account_mrr(facts: BillingFacts, policy: MrrPolicy) -> AccountMrr:
    """Calculate the spans and movements of an account."""
    plain = calculate_plain_mrr(facts, policy)
    return calculate_exact_mrr(facts, policy) if plain is None else plain

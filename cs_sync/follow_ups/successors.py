"""Follow-ups of accounts whose paying record was parted from its company in the CRM."""

from collections.abc import Collection, Container, Mapping


def map_successors(
    parted: Mapping[str, Collection[str]], customers: Container[str], in_crm: Container[str]
) -> dict[str, str]:
    """Map accounts without a subscription to the account that continues their follow-ups.

    A domain that a second company claims, or a person, parts a customer from its company. Its
    follow-ups stay with the company: they go on by the state of the customer, as long as the
    customer has no company of its own.

    Args:
        parted: Account → the accounts of the records that were once in it.
        customers: Accounts with a subscription.
        in_crm: Accounts with a record of their own in the CRM.
    """
    successors = {}
    for account, others in parted.items():
        candidates = [one for one in others if one in customers and one not in in_crm]
        if account not in customers and len(candidates) == 1:
            successors[account] = candidates[0]
    return successors

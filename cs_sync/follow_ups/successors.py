"""Follow-ups of accounts that lose their company in the CRM, or get it later."""

from collections.abc import Collection, Container, Iterable, Mapping

from cs_sync.follow_ups.lifecycle import StoredFollowUp
from cs_sync.follow_ups.plan import FollowUpDraft


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
        candidates = [other for other in others if other in customers and other not in in_crm]
        if account not in customers and len(candidates) == 1:
            successors[account] = candidates[0]
    return successors


def map_current_keys(
    drafts: Iterable[FollowUpDraft], stored: Iterable[StoredFollowUp], in_crm: Container[str]
) -> dict[str, str]:
    """Map keys of unwritten follow-ups to those of their accounts' company.

    An account whose company arrives later had no other name for its key than our id. Under the
    company's, a destination may know the follow-up from before a lost database.

    Args:
        drafts: The follow-ups called for today.
        stored: The stored follow-ups.
        in_crm: Accounts with a record of their own in the CRM.
    """
    keys = {(d.playbook, d.account_id, d.occasion): d.key for d in drafts if d.account_id in in_crm}
    known = {follow_up.key: follow_up for follow_up in stored}
    current: dict[str, str] = {}
    for follow_up in known.values():
        key = keys.get((follow_up.playbook, follow_up.account_id, follow_up.occasion))
        is_free = key is not None and key not in known and key not in current.values()
        if (
            key is not None
            and is_free
            and not follow_up.written
            and follow_up.state in ("open", "waiting")
        ):
            current[follow_up.key] = key
    return current

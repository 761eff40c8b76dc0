"""Lone records: they meet no other one, so no further round can change their accounts."""

from collections import Counter

from cs_sync.identity.account_ids import IdentifiedGroups
from cs_sync.identity.evidence import MatchEvidence, read_own_id
from cs_sync.identity.facts import AccountFact, KnownIdentity, RecordRef

Trait = tuple[str, str]


def find_lone_records(
    evidence: MatchEvidence, groups: IdentifiedGroups, stored: KnownIdentity
) -> frozenset[RecordRef]:
    """Find the records that share nothing with another one.

    Each is an account by itself, and was not part of another. Where a plugin places records,
    none is taken for lone.

    Args:
        evidence: The account records.
        groups: Their accounts.
        stored: The earlier decisions.
    """
    if evidence.pins:
        return frozenset()
    holders = Counter(trait for fact in evidence.facts for trait in _list_traits(fact, evidence))
    linked = {link.ref: link.target for link in stored.account_links}
    sizes = Counter(linked.values())
    touched = {*evidence.survivors, *evidence.survivors.values(), *evidence.answers.sides}
    touched |= {ref for _, refs in evidence.answers.links for ref in refs}
    merged = {*groups.merged, *groups.merged.values()}

    def is_lone(fact: AccountFact, account: str) -> bool:
        before = linked.get(fact.ref, account)
        return (
            fact.ref not in touched
            and account not in merged
            and before == account
            and sizes[account] <= 1
            and all(holders[trait] == 1 for trait in _list_traits(fact, evidence))
        )

    return frozenset(
        members[0].ref
        for account, members in groups.members.items()
        if len(members) == 1 and is_lone(members[0], account)
    )


def _list_traits(fact: AccountFact, evidence: MatchEvidence) -> set[Trait]:
    """List the domains and own ids that could join the record."""
    domains = evidence.sites[fact.ref] | evidence.reach[fact.ref]
    keys = {evidence.key(fact), read_own_id(fact)} - {None}
    return {*(("domain", domain) for domain in domains), *(("key", str(key)) for key in keys)}

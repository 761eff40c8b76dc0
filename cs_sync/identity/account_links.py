"""Links of records to accounts, each with its rule and reason."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cs_sync.identity.account_groups import DOMAIN_RULES
from cs_sync.identity.account_ids import IdentifiedGroups
from cs_sync.identity.evidence import MatchEvidence, read_own_id
from cs_sync.identity.facts import AccountFact, KnownLink, RecordRef
from cs_sync.identity.resolution import ResolvedLink


def link_accounts(
    evidence: MatchEvidence, groups: IdentifiedGroups, earlier_links: Iterable[KnownLink]
) -> list[ResolvedLink]:
    """Build one link per record and per merged id.

    Args:
        evidence: The account records.
        groups: The accounts with their records.
        earlier_links: The stored links to live accounts.

    Returns:
        The links, sorted by record.
    """
    before = {link.ref: link for link in earlier_links}
    present = {fact.ref for fact in evidence.facts}
    links = [
        ResolvedLink(ref, groups.account_of[ref], "alias", _explain_merge(evidence, ref))
        for ref in evidence.survivors
        if ref in groups.account_of and ref not in present
    ]
    for account_id, facts in groups.members.items():
        earlier = {
            fact.ref: before[fact.ref]
            for fact in facts
            if fact.ref in before and _is_kept(before[fact.ref], fact, evidence)
            if groups.merged.get(before[fact.ref].target, before[fact.ref].target) == account_id
        }
        links += _link_group(account_id, facts, evidence, earlier)
    return sorted(links, key=lambda link: link.ref)


def _is_kept(link: KnownLink, fact: AccountFact, evidence: MatchEvidence) -> bool:
    """Return whether a stored link still has its reason."""
    mistaken = link.rule in DOMAIN_RULES and evidence.has_only_shared_domains(fact)
    return link.rule != "alias" and not mistaken


def _link_group(
    account_id: str,
    facts: Sequence[AccountFact],
    evidence: MatchEvidence,
    earlier: Mapping[RecordRef, KnownLink],
) -> Iterator[ResolvedLink]:
    """Build the links of one account.

    Its founder comes before those of merged accounts.
    """
    founders = [ref for ref, link in earlier.items() if link.rule == "own"]
    founders.sort(key=lambda ref: earlier[ref].target != account_id)
    first = next(iter(founders), facts[0].ref)
    holders = (
        _map_domain_refs(facts, evidence, evidence.sites),
        _map_domain_refs(facts, evidence, evidence.reach),
    )
    for fact in facts:
        rule_match = _find_certain_rule(fact, evidence, first)
        if not rule_match and fact.ref != first:
            rule_match = _find_domain_rule(fact, evidence, *holders)
        parted = fact.ref == first and fact.ref in evidence.answers.sides
        if not rule_match and fact.ref in earlier and not parted:
            stored = earlier[fact.ref]
            yield ResolvedLink(fact.ref, account_id, stored.rule, stored.reason, stored.decided_by)
            continue
        rule, reason = rule_match or ("own", "The first record of this account")
        by = _DECIDED_BY.get(rule, "cs-sync")
        yield ResolvedLink(fact.ref, account_id, rule, reason, by)


_DECIDED_BY = {"override": "cs_sync_match", "answer": "a person"}


def _find_certain_rule(
    fact: AccountFact, evidence: MatchEvidence, first: RecordRef
) -> tuple[str, str] | None:
    key = evidence.key(fact)
    if fact.ref in evidence.pins:
        return "override", f"A cs_sync_match plugin says that it is {evidence.pins[fact.ref]}"
    if fact.ref in evidence.survivors:
        return "alias", _explain_merge(evidence, fact.ref)
    answer = evidence.answers.linked.get(fact.ref)
    if answer and fact.ref != first and (key is None or read_own_id(fact) != key):
        return "answer", f"A person said so (answer {answer.number})"
    return ("external_key", _explain_key(fact, key)) if key else None


def _explain_key(fact: AccountFact, key: str) -> str:
    """Return the reason for a link by own id.

    A merged id is named as on the record, together with the current one.
    """
    shown = read_own_id(fact)
    if shown == key:
        return f"Carries our own account id {key}"
    label = f", {shown}," if shown else ""
    return f"Carries an account id{label} that was merged into {key}"


def _explain_merge(evidence: MatchEvidence, ref: RecordRef) -> str:
    return f"Merged into {evidence.survivors[ref]} at the source"


def _find_domain_rule(
    fact: AccountFact,
    evidence: MatchEvidence,
    sites: Mapping[str, list[RecordRef]],
    reach: Mapping[str, list[RecordRef]],
) -> tuple[str, str] | None:
    """Return the first domain shared within the account, with its reason."""
    if fact.deleted:
        return None
    for domain in sorted(evidence.sites[fact.ref]):
        for other in sites.get(domain, ()):
            if other != fact.ref:
                return "domain", f"Domain {domain}, as {other}"
    for domain in sorted(evidence.reach[fact.ref]):
        for other in reach.get(domain, ()):
            if other != fact.ref:
                return "email_domain", f"E-mail domain {domain}, as {other}"
    return None


def _map_domain_refs(
    facts: Iterable[AccountFact],
    evidence: MatchEvidence,
    domains: Mapping[RecordRef, Iterable[str]],
) -> dict[str, list[RecordRef]]:
    """Map each domain to its first two records.

    That is enough to find another one.
    """
    holders: dict[str, list[RecordRef]] = defaultdict(list)
    for fact in facts:
        if not fact.deleted and fact.ref not in evidence.survivors:
            for domain in domains[fact.ref]:
                if len(holders[domain]) < 2:
                    holders[domain].append(fact.ref)
    return holders


def map_domain_accounts(
    evidence: MatchEvidence, groups: IdentifiedGroups
) -> dict[str, dict[str, RecordRef]]:
    """Map each domain to its accounts, with their first record.

    A domain of two accounts proves nothing.
    """
    by_domain: dict[str, dict[str, RecordRef]] = defaultdict(dict)
    for fact in evidence.list_matchable():
        for domain in evidence.reach[fact.ref]:
            by_domain[domain].setdefault(groups.account_of[fact.ref], fact.ref)
    return by_domain

"""By which rule each record is linked to its account, in words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cs_sync.identity.account_ids import NamedGroups
from cs_sync.identity.evidence import Evidence, own_key
from cs_sync.identity.facts import AccountFact, KnownLink, Ref
from cs_sync.identity.resolution import ResolvedLink


def link_accounts(
    evidence: Evidence, groups: NamedGroups, known: Iterable[KnownLink]
) -> list[ResolvedLink]:
    """One link per record and per merged-away id; `known` points to live accounts."""
    before = {link.ref: link for link in known}
    present = {fact.ref for fact in evidence.facts}
    links = [
        ResolvedLink(ref, groups.account_of[ref], "alias", _merged_into(evidence, ref))
        for ref in evidence.survivors
        if ref in groups.account_of and ref not in present
    ]
    for account_id, facts in groups.members.items():
        links += _group_links(account_id, facts, evidence, before)
    return sorted(links, key=lambda link: link.ref)


def _group_links(
    account_id: str,
    facts: Sequence[AccountFact],
    evidence: Evidence,
    before: Mapping[Ref, KnownLink],
) -> Iterator[ResolvedLink]:
    earlier = {
        f.ref: before[f.ref]
        for f in facts
        if f.ref in before and before[f.ref].target == account_id and before[f.ref].rule != "alias"
    }
    firsts = [f.ref for f in facts if f.ref in earlier and earlier[f.ref].rule == "own"]
    first = next(iter(firsts), facts[0].ref)
    holders = _holders(facts, evidence, evidence.sites), _holders(facts, evidence, evidence.reach)
    for fact in facts:
        found = _certain(fact, evidence, first)
        if not found and fact.ref != first:
            found = _by_domain(fact, evidence, *holders)
        parted = fact.ref == first and fact.ref in evidence.answers.sides
        if not found and fact.ref in earlier and not parted:
            kept = earlier[fact.ref]
            yield ResolvedLink(fact.ref, account_id, kept.rule, kept.reason, kept.decided_by)
            continue
        rule, reason = found or ("own", "The first record of this account")
        by = _DECIDED_BY.get(rule, "cs-sync")
        yield ResolvedLink(fact.ref, account_id, rule, reason, by)


_DECIDED_BY = {"override": "cs_sync_match", "answer": "a person"}


def _certain(fact: AccountFact, evidence: Evidence, first: Ref) -> tuple[str, str] | None:
    key = evidence.key(fact)
    if fact.ref in evidence.pins:
        return "override", f"A cs_sync_match plugin says that it is {evidence.pins[fact.ref]}"
    if fact.ref in evidence.survivors:
        return "alias", _merged_into(evidence, fact.ref)
    answer = evidence.answers.linked.get(fact.ref)
    if answer and fact.ref != first and (key is None or own_key(fact) != key):
        return "answer", f"A person said so (answer {answer.number})"
    return ("external_key", _carries(fact, key)) if key else None


def _carries(fact: AccountFact, key: str) -> str:
    """A key that was merged away is told as the one that the record shows, and what it means."""
    shown = own_key(fact)
    if shown == key:
        return f"Carries our own account id {key}"
    told = f", {shown}," if shown else ""
    return f"Carries an account id{told} that was merged into {key}"


def _merged_into(evidence: Evidence, ref: Ref) -> str:
    return f"Merged into {evidence.survivors[ref]} at the source"


def _by_domain(
    fact: AccountFact,
    evidence: Evidence,
    sites: Mapping[str, list[Ref]],
    reach: Mapping[str, list[Ref]],
) -> tuple[str, str] | None:
    """The first domain that it shares with another record of its account."""
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


def _holders(
    facts: Iterable[AccountFact], evidence: Evidence, domains: Mapping[Ref, Iterable[str]]
) -> dict[str, list[Ref]]:
    """Domain → the first two records that hold it: enough to find one that is another."""
    holders: dict[str, list[Ref]] = defaultdict(list)
    for fact in facts:
        if not fact.deleted and fact.ref not in evidence.survivors:
            for domain in domains[fact.ref]:
                if len(holders[domain]) < 2:
                    holders[domain].append(fact.ref)
    return holders


def accounts_of_domains(evidence: Evidence, groups: NamedGroups) -> dict[str, dict[str, Ref]]:
    """Domain → the accounts whose records hold it, with the first such record.

    A domain that leads to two accounts proves nothing.
    """
    found: dict[str, dict[str, Ref]] = defaultdict(dict)
    for fact in evidence.matchable():
        for domain in evidence.reach[fact.ref]:
            found[domain].setdefault(groups.account_of[fact.ref], fact.ref)
    return found

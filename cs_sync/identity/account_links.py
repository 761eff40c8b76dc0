"""By which rule each record is linked to its account, in words, and where that stayed open."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cs_sync.identity.account_ids import NamedGroups
from cs_sync.identity.evidence import Evidence, own_key
from cs_sync.identity.facts import AccountFact, KnownLink, Ref
from cs_sync.identity.resolution import Conflict, ResolvedLink


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
        found = _certain(fact, evidence)
        if not found and fact.ref != first:
            found = _by_domain(fact, evidence, *holders)
        if not found and fact.ref in earlier:
            kept = earlier[fact.ref]
            yield ResolvedLink(fact.ref, account_id, kept.rule, kept.reason, kept.decided_by)
            continue
        rule, reason = found or ("own", "The first record of this account")
        by = "cs_sync_match" if rule == "override" else "cs-sync"
        yield ResolvedLink(fact.ref, account_id, rule, reason, by)


def _certain(fact: AccountFact, evidence: Evidence) -> tuple[str, str] | None:
    key = evidence.key(fact)
    if fact.ref in evidence.pins:
        return "override", f"A cs_sync_match plugin says that it is {evidence.pins[fact.ref]}"
    if fact.ref in evidence.survivors:
        return "alias", _merged_into(evidence, fact.ref)
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


def accounts_of_domains(evidence: Evidence, groups: NamedGroups) -> dict[str, set[str]]:
    """Domain → the accounts whose records hold it; one that leads to two proves nothing."""
    found: dict[str, set[str]] = defaultdict(set)
    for fact in evidence.matchable():
        for domain in evidence.reach[fact.ref]:
            found[domain].add(groups.account_of[fact.ref])
    return found


def account_conflicts(
    evidence: Evidence,
    links: Iterable[ResolvedLink],
    domains: Mapping[str, set[str]],
) -> list[Conflict]:
    """Records that only a domain could have linked, and whose domain leads to other accounts."""
    own = {link.ref: link.target for link in links if link.rule == "own"}
    conflicts = []
    for fact in evidence.matchable():
        shared = {
            d for d in evidence.reach[fact.ref] if fact.ref in own and domains[d] - {own[fact.ref]}
        }
        if shared:
            candidates = set().union(*(domains[domain] for domain in shared))
            conflicts.append(_conflict(fact.ref, sorted(shared), sorted(candidates)))
    return sorted(conflicts, key=lambda conflict: conflict.ref)


def _conflict(ref: Ref, shared: Sequence[str], candidates: Sequence[str]) -> Conflict:
    held = f"domain {shared[0]}" if len(shared) == 1 else "domains " + ", ".join(shared)
    verb = "leads" if len(shared) == 1 else "lead"
    return Conflict(
        "account",
        ref,
        tuple(candidates),
        f"The {held} {verb} to {len(candidates)} accounts: {', '.join(candidates)}",
        f"Give it your own account id in {ref.source}, correct the domain there,"
        " or name its account in a cs_sync_match plugin",
    )

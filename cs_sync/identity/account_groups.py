"""Grouping of account records: certain evidence first, then unambiguous domains."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.evidence import MatchEvidence, follow_merges
from cs_sync.identity.facts import AccountFact, KnownAccount, KnownLink, RecordRef

DOMAIN_RULES = frozenset({"domain", "email_domain"})


def build_record_node(ref: RecordRef) -> Node:
    """Return the node of a source record."""
    return ("record", *ref)


def build_account_node(account_id: str) -> Node:
    """Return the node of an account with an id."""
    return ("account", account_id)


def group_accounts(
    evidence: MatchEvidence, accounts: Sequence[KnownAccount], links: Sequence[KnownLink]
) -> DisjointSets:
    """Group the records into accounts.

    Args:
        evidence: The account records and everything known about them.
        accounts: The live accounts.
        links: The stored links to live accounts.

    Returns:
        Disjoint sets, one per account.
    """
    sets = DisjointSets()
    for fact in evidence.facts:
        _add_record(sets, fact, evidence)
    for old, survivor in evidence.survivors.items():
        sets.union(build_record_node(old), build_record_node(survivor))
    _join_answered(sets, evidence)
    _join_overrides(sets, evidence, {account.id for account in accounts})
    _keep_known_links(sets, evidence, accounts, links)
    for ref, target in evidence.pins.items():
        if not sets.get_tags(build_record_node(ref), "key"):
            sets.tag(build_record_node(ref), ("key", target))
    join_by_domain(sets, _map_domain_nodes(evidence, evidence.sites))
    join_by_domain(sets, _map_domain_nodes(evidence, evidence.reach))
    return sets


def _add_record(sets: DisjointSets, fact: AccountFact, evidence: MatchEvidence) -> None:
    """Tag a record with source and own id; join equal ids."""
    node, key = build_record_node(fact.ref), evidence.key(fact)
    for number, side in evidence.answers.sides.get(fact.ref, ()):
        sets.tag(node, ("side", str(number), str(side)))
    if fact.ref in evidence.survivors:
        return
    if not fact.deleted:
        sets.tag(node, ("source", fact.ref.source))
    if key and evidence.is_independent(fact.ref):
        sets.tag(node, ("key", key))
        sets.union(node, ("own", key))


def _join_answered(sets: DisjointSets, evidence: MatchEvidence) -> None:
    """Join the records that a person linked.

    Except where another answer splits them.
    """
    for _, refs in evidence.answers.links:
        for ref in refs[1:]:
            nodes = build_record_node(refs[0]), build_record_node(ref)
            if len({sets.find(node) for node in nodes}) == 2 and _is_undivided(sets, nodes):
                sets.union(*nodes)


def _join_overrides(sets: DisjointSets, evidence: MatchEvidence, account_ids: set[str]) -> None:
    """Join an overridden record to its named account only."""
    keys = {evidence.key(fact) for fact in evidence.facts if evidence.is_independent(fact.ref)}
    founders = _map_founders(evidence)
    for ref, target in evidence.pins.items():
        node = build_record_node(ref)
        sets.union(node, build_account_node(target))
        sets.tag(node, ("pin", target))
        if target not in account_ids and target in keys:
            sets.union(node, ("own", target))
        elif target not in account_ids and target in founders:
            sets.union(node, build_record_node(founders[target].ref))


def _map_founders(evidence: MatchEvidence) -> dict[str, AccountFact]:
    """Map each possible account id to its founding record.

    In the order of assignment.
    """
    free = [fact for fact in evidence.facts if evidence.is_independent(fact.ref)]
    founders: dict[str, AccountFact] = {}
    for fact in free:
        founders.setdefault(fact.ref.source_id, fact)
    for fact in free:
        founders.setdefault(f"{fact.ref.source}:{fact.ref.source_id}", fact)
    return founders


def _keep_known_links(
    sets: DisjointSets,
    evidence: MatchEvidence,
    accounts: Sequence[KnownAccount],
    links: Sequence[KnownLink],
) -> None:
    """Keep stored links of records without common evidence today.

    Records with common evidence are joined or parted by it alone, as in a new database. Links
    by a domain that turned out to be shared are dropped; an answer is applied anew. Our own
    account ids can show that one account is two.
    """
    place = {fact.ref: number for number, fact in enumerate(evidence.facts)}
    strangers = {fact.ref for fact in evidence.facts if evidence.has_only_shared_domains(fact)}
    domains = _map_current_domains(evidence)
    members: dict[str, list[KnownLink]] = defaultdict(list)
    for link in links:
        exists = link.ref in place or link.ref in evidence.survivors
        mistaken = link.rule == "answer" or (link.rule in DOMAIN_RULES and link.ref in strangers)
        if exists and link.ref not in evidence.pins and not mistaken:
            members[link.target].append(link)
    for account in sorted(accounts, key=lambda a: (a.first_seen_at, a.id)):
        kept = sorted(members[account.id], key=lambda k: (place.get(k.ref, len(place)), k.ref))
        nodes = [build_record_node(link.ref) for link in kept]
        key = account.external_key
        of_one_key = _select_one_key(sets, nodes, evidence.renamed.get(key, key) if key else None)
        staying = _select_undivided(sets, of_one_key)
        founders = {build_record_node(link.ref) for link in kept if link.rule == "own"}
        staying.sort(key=lambda node: node not in founders)
        sets.join([build_account_node(account.id), *staying[:1]])
        leaving = {*nodes}.difference(staying)
        sets.join(_select_untied(staying, _tie_records(sets, nodes, domains), leaving))


def _map_current_domains(evidence: MatchEvidence) -> dict[Node, frozenset[str]]:
    """Map each record to its matching domains, or its survivor's."""
    domains = {
        build_record_node(fact.ref): evidence.reach[fact.ref] for fact in evidence.list_matchable()
    }
    for old in evidence.survivors:
        living = build_record_node(follow_merges(old, evidence.survivors))
        domains[build_record_node(old)] = domains.get(living, frozenset())
    return domains


def _tie_records(
    sets: DisjointSets, nodes: Iterable[Node], domains: Mapping[Node, Iterable[str]]
) -> DisjointSets:
    """Group the records of an account that have common evidence today."""
    ties = DisjointSets()
    for node in nodes:
        ties.union(node, ("group", *sets.find(node)))
        for domain in domains.get(node, ()):
            ties.union(node, ("domain", domain))
    return ties


def _select_untied(
    staying: Iterable[Node], ties: DisjointSets, leaving: Iterable[Node]
) -> list[Node]:
    """Select the first record of each tied group.

    Except groups that a record leaves.
    """
    parted = {ties.find(node) for node in leaving}
    first_of: dict[Node, Node] = {}
    for node in staying:
        if ties.find(node) not in parted:
            first_of.setdefault(ties.find(node), node)
    return list(first_of.values())


def _select_one_key(sets: DisjointSets, nodes: Sequence[Node], preferred: str | None) -> list[Node]:
    """Return the nodes with the account's own id, else the first's."""
    keys = [sorted(sets.get_tags(node, "key")) for node in nodes]
    distinct = [key for of_node in keys for key in of_node]
    if len(set(distinct)) <= 1:
        return list(nodes)
    chosen: Node = ("key", preferred or "")
    chosen = chosen if chosen in distinct else distinct[0]
    return [node for node, own in zip(nodes, keys, strict=True) if set(own) <= {chosen}]


def _select_undivided(sets: DisjointSets, nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes that no answer splits off."""
    staying: list[Node] = []
    taken: set[Node] = set()
    for node in sorted(nodes, key=lambda node: _find_last_side(sets, node)):
        sides = sets.get_tags(node, "side")
        if not any(
            side[1] == taken_side[1] and side[2] != taken_side[2]
            for side in sides
            for taken_side in taken
        ):
            staying.append(node)
            taken |= sides
    return staying


def _find_last_side(sets: DisjointSets, node: Node) -> int:
    return max((int(tag[2]) for tag in sets.get_tags(node, "side")), default=0)


def _map_domain_nodes(
    evidence: MatchEvidence, domains: Mapping[RecordRef, Iterable[str]]
) -> dict[str, list[Node]]:
    """Map each domain to the nodes of the records with it."""
    holders: dict[str, list[Node]] = defaultdict(list)
    for fact in evidence.list_matchable():
        for domain in domains[fact.ref]:
            holders[domain].append(build_record_node(fact.ref))
    return holders


def join_by_domain(sets: DisjointSets, holders: dict[str, list[Node]]) -> None:
    """Join records with a common domain that leads to one account.

    A domain of two accounts joins nothing. Where several good domains chain two accounts
    together, the records with more than one of them are the doubtful link and are left out.
    """
    shared = {domain: {sets.find(node) for node in nodes} for domain, nodes in holders.items()}
    shared = {
        d: roots
        for d, roots in shared.items()
        if len(roots) > 1 and _can_be_one_account(sets, roots)
    }
    for domains in _group_domains(shared):
        roots = set().union(*(shared[domain] for domain in domains))
        if _can_be_one_account(sets, roots):
            sets.join(sorted(roots))
            continue
        counts = Counter(root for domain in domains for root in shared[domain])
        doubtful = {root for root in roots if counts[root] > 1}
        for domain in domains:
            sets.join(sorted(shared[domain] - doubtful))


def _can_be_one_account(sets: DisjointSets, roots: Iterable[Node]) -> bool:
    """Return whether these can be one account.

    They have no two own ids, no two records of one source, and no answer splits them.
    """
    roots = list(roots)
    sources = [tag for root in roots for tag in sets.get_tags(root, "source")]
    keys = {tag for root in roots for tag in sets.get_tags(root, "key")}
    return len(keys) <= 1 and len(sources) == len(set(sources)) and _is_undivided(sets, roots)


def _is_undivided(sets: DisjointSets, roots: Iterable[Node]) -> bool:
    sides = {tag[1:] for root in roots for tag in sets.get_tags(root, "side")}
    return len({number for number, _ in sides}) == len(sides)


def _group_domains(shared: dict[str, set[Node]]) -> list[list[str]]:
    """Group the domains connected, directly or over others, by the same records."""
    links = DisjointSets()
    for domain, roots in shared.items():
        links.join([("domain", domain), *(("holder", *root) for root in roots)])
    chains: dict[Node, list[str]] = defaultdict(list)
    for domain in sorted(shared):
        chains[links.find(("domain", domain))].append(domain)
    return list(chains.values())

"""Which account records belong together: certain evidence first, then unambiguous domains."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.evidence import Evidence
from cs_sync.identity.facts import AccountFact, KnownAccount, KnownLink, Ref

BY_DOMAIN = frozenset({"domain", "email_domain"})


def record_node(ref: Ref) -> Node:
    """The node of a source record."""
    return ("record", *ref)


def account_node(account_id: str) -> Node:
    """The node of an account that has an id already."""
    return ("account", account_id)


def group_accounts(
    evidence: Evidence, accounts: Sequence[KnownAccount], links: Sequence[KnownLink]
) -> DisjointSets:
    """Sets of records that are one account; `accounts` are live, `links` point to them."""
    sets = DisjointSets()
    for fact in evidence.facts:
        _tag(sets, fact, evidence)
    for old, survivor in evidence.survivors.items():
        sets.union(record_node(old), record_node(survivor))
    _join_linked(sets, evidence)
    _join_overrides(sets, evidence, {account.id for account in accounts})
    _keep_known(sets, evidence, accounts, links)
    for ref, target in evidence.pins.items():
        if not sets.tags(record_node(ref), "key"):
            sets.tag(record_node(ref), ("key", target))
    join_by_domain(sets, _holders(evidence, evidence.sites))
    join_by_domain(sets, _holders(evidence, evidence.reach))
    return sets


def _tag(sets: DisjointSets, fact: AccountFact, evidence: Evidence) -> None:
    """Note source and own id of a record, and join it with those of the same own id."""
    node, key = record_node(fact.ref), evidence.key(fact)
    sets.find(node)
    for number, side in evidence.answers.sides.get(fact.ref, ()):
        sets.tag(node, ("side", str(number), str(side)))
    if fact.ref in evidence.survivors:
        return
    if not fact.deleted:
        sets.tag(node, ("source", fact.ref.source))
    if key and evidence.free(fact.ref):
        sets.tag(node, ("key", key))
        sets.union(node, ("own", key))


def _join_linked(sets: DisjointSets, evidence: Evidence) -> None:
    """What a person linked is one account, but for what another answer has on two sides."""
    for _, refs in evidence.answers.links:
        for ref in refs[1:]:
            nodes = record_node(refs[0]), record_node(ref)
            if len({sets.find(node) for node in nodes}) == 2 and _undivided(sets, nodes):
                sets.union(*nodes)


def _join_overrides(sets: DisjointSets, evidence: Evidence, known: set[str]) -> None:
    """An overridden record belongs to the account named for it and speaks for that one only."""
    keys = {evidence.key(fact) for fact in evidence.facts if evidence.free(fact.ref)}
    founders = _founders(evidence)
    for ref, target in evidence.pins.items():
        node = record_node(ref)
        sets.union(node, account_node(target))
        sets.tag(node, ("pin", target))
        if target not in known and target in keys:
            sets.union(node, ("own", target))
        elif target not in known and target in founders:
            sets.union(node, record_node(founders[target].ref))


def _founders(evidence: Evidence) -> dict[str, AccountFact]:
    """Account id that a record would found → the record, in the order in which ids are given."""
    free = [fact for fact in evidence.facts if evidence.free(fact.ref)]
    founders: dict[str, AccountFact] = {}
    for fact in free:
        founders.setdefault(fact.ref.source_id, fact)
    for fact in free:
        founders.setdefault(f"{fact.ref.source}:{fact.ref.source_id}", fact)
    return founders


def _keep_known(
    sets: DisjointSets,
    evidence: Evidence,
    accounts: Sequence[KnownAccount],
    links: Sequence[KnownLink],
) -> None:
    """What was linked stays linked, unless our own account ids now say that it is two accounts.

    A domain that turned out to be nobody's has linked nothing, and an answer speaks for itself.
    """
    place = {fact.ref: number for number, fact in enumerate(evidence.facts)}
    strangers = {fact.ref for fact in evidence.facts if evidence.only_shared(fact)}
    members: dict[str, list[Ref]] = defaultdict(list)
    for link in links:
        exists = link.ref in place or link.ref in evidence.survivors
        mistaken = link.rule == "answer" or (link.rule in BY_DOMAIN and link.ref in strangers)
        if exists and link.ref not in evidence.pins and not mistaken:
            members[link.target].append(link.ref)
    for account in sorted(accounts, key=lambda a: (a.first_seen_at, a.id)):
        refs = sorted(members[account.id], key=lambda ref: (place.get(ref, len(place)), ref))
        nodes = [record_node(ref) for ref in refs]
        key = account.external_key
        staying = _of_one_key(sets, nodes, evidence.renamed.get(key, key) if key else None)
        sets.join([account_node(account.id), *_of_one_side(sets, staying)])


def _of_one_key(sets: DisjointSets, nodes: Sequence[Node], preferred: str | None) -> list[Node]:
    """The nodes that can be one account: of several own ids the account's, else the first's."""
    keys = [sorted(sets.tags(node, "key")) for node in nodes]
    distinct = [key for of_node in keys for key in of_node]
    if len(set(distinct)) <= 1:
        return list(nodes)
    chosen: Node = ("key", preferred or "")
    chosen = chosen if chosen in distinct else distinct[0]
    return [node for node, own in zip(nodes, keys, strict=True) if set(own) <= {chosen}]


def _of_one_side(sets: DisjointSets, nodes: Sequence[Node]) -> list[Node]:
    """The nodes that no answer parts: who was named first in an answer stays."""
    staying: list[Node] = []
    taken: set[Node] = set()
    for node in sorted(nodes, key=lambda node: _last_side(sets, node)):
        sides = sets.tags(node, "side")
        if not any(one[1] == other[1] and one[2] != other[2] for one in sides for other in taken):
            staying.append(node)
            taken |= sides
    return staying


def _last_side(sets: DisjointSets, node: Node) -> int:
    return max((int(tag[2]) for tag in sets.tags(node, "side")), default=0)


def _holders(evidence: Evidence, domains: Mapping[Ref, Iterable[str]]) -> dict[str, list[Node]]:
    """Domain → the records that hold it."""
    holders: dict[str, list[Node]] = defaultdict(list)
    for fact in evidence.matchable():
        for domain in domains[fact.ref]:
            holders[domain].append(record_node(fact.ref))
    return holders


def join_by_domain(sets: DisjointSets, holders: dict[str, list[Node]]) -> None:
    """Join what shares a domain wherever that leads to one account only.

    A domain held by two accounts joins nothing. Where several good domains chain two accounts
    together, the records that hold more than one of them are the doubtful link and are left out.
    """
    shared = {domain: {sets.find(node) for node in nodes} for domain, nodes in holders.items()}
    shared = {d: roots for d, roots in shared.items() if len(roots) > 1 and _one(sets, roots)}
    for domains in _chains(shared):
        roots = set().union(*(shared[domain] for domain in domains))
        if _one(sets, roots):
            sets.join(sorted(roots))
            continue
        held = Counter(root for domain in domains for root in shared[domain])
        doubtful = {root for root in roots if held[root] > 1}
        for domain in domains:
            sets.join(sorted(shared[domain] - doubtful))


def _one(sets: DisjointSets, roots: Iterable[Node]) -> bool:
    """True when these can be one account: no two own ids, no two records of one source.

    Nor may an answer have parted them.
    """
    roots = list(roots)
    sources = [tag for root in roots for tag in sets.tags(root, "source")]
    keys = {tag for root in roots for tag in sets.tags(root, "key")}
    return len(keys) <= 1 and len(sources) == len(set(sources)) and _undivided(sets, roots)


def _undivided(sets: DisjointSets, roots: Iterable[Node]) -> bool:
    sides = {tag[1:] for root in roots for tag in sets.tags(root, "side")}
    return len({number for number, _ in sides}) == len(sides)


def _chains(shared: dict[str, set[Node]]) -> list[list[str]]:
    """Domains grouped by being held, directly or over others, by the same records."""
    links = DisjointSets()
    for domain, roots in shared.items():
        links.join([("domain", domain), *(("holder", *root) for root in roots)])
    chains: dict[Node, list[str]] = defaultdict(list)
    for domain in sorted(shared):
        chains[links.find(("domain", domain))].append(domain)
    return list(chains.values())

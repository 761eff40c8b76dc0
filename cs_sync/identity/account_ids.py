"""Which id each account goes by: the one it has, else a readable one, never one that was used."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from cs_sync.identity.account_groups import account_node, record_node
from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.evidence import Evidence
from cs_sync.identity.facts import AccountFact, KnownAccount, KnownLink, Ref


@dataclass(frozen=True, slots=True)
class NamedGroups:
    """Account id → its records in founder order; any record → its account; old id → survivor."""

    members: Mapping[str, Sequence[AccountFact]]
    account_of: Mapping[Ref, str]
    merged: Mapping[str, str]


def final_ids(accounts: Iterable[KnownAccount]) -> dict[str, str]:
    """Every known id → the id it lives on in; a live one maps to itself."""
    into = {account.id: account.merged_into for account in accounts}
    final = {}
    for start in into:
        at, seen = start, {start}
        while (after := into.get(at)) is not None and after in into and after not in seen:
            at = after
            seen.add(at)
        final[start] = at
    return final


def name_groups(
    sets: DisjointSets,
    evidence: Evidence,
    known: Sequence[KnownAccount],
    links: Sequence[KnownLink],
) -> NamedGroups:
    """Give every group its id; `links` point to live accounts."""
    groups: dict[Node, list[AccountFact]] = defaultdict(list)
    for fact in evidence.facts:
        groups[sets.find(record_node(fact.ref))].append(fact)
    final = final_ids(known)
    live = sorted((a for a in known if final[a.id] == a.id), key=lambda a: (a.first_seen_at, a.id))
    names = {root: next(iter(sorted(tag[1] for tag in sets.tags(root, "pin"))), "")
             for root in groups}  # fmt: skip
    for account in live:
        root = sets.find(account_node(account.id))
        if root in groups:
            names[root] = names[root] or account.id
    _mint(names, groups, evidence, taken={*final, *names.values()})
    account_of = _account_of(sets, evidence, names)
    lives_on = {a.id: names.get(sets.find(account_node(a.id))) for a in live}
    lives_on |= _followed({i for i, name in lives_on.items() if name is None}, links, account_of)
    merged = {old: lives_on.get(last) or last for old, last in final.items()}
    return NamedGroups(
        {names[root]: facts for root, facts in groups.items()},
        account_of,
        {old: new for old, new in merged.items() if old != new},
    )


def _mint(
    names: dict[Node, str],
    groups: Mapping[Node, Sequence[AccountFact]],
    evidence: Evidence,
    taken: set[str],
) -> None:
    """Name the groups without a name; they come in the order of their founders."""
    for root, facts in groups.items():
        if not names[root]:
            proposals = _proposals(facts[0].ref, evidence.key(facts[0]))
            names[root] = next(name for name in proposals if name not in taken)
            taken.add(names[root])


def _proposals(founder: Ref, key: str | None) -> Iterator[str]:
    source, source_id = founder
    if key:
        yield key
    yield source_id
    yield f"{source}:{source_id}"
    yield from (f"{source}:{source_id}:{number}" for number in count(2))


def _account_of(
    sets: DisjointSets, evidence: Evidence, names: Mapping[Node, str]
) -> dict[Ref, str]:
    """Records, and merged-away ids of which no record is left, to their accounts."""
    refs = {*(fact.ref for fact in evidence.facts), *evidence.survivors}
    roots = {ref: sets.find(record_node(ref)) for ref in refs}
    return {ref: names[root] for ref, root in roots.items() if root in names}


def _followed(
    empty: set[str], links: Iterable[KnownLink], account_of: Mapping[Ref, str]
) -> dict[str, str]:
    """Accounts whose records all went to one other account live on in that one."""
    went: dict[str, set[str]] = defaultdict(set)
    for link in links:
        if link.target in empty and link.ref in account_of:
            went[link.target].add(account_of[link.ref])
    return {old: next(iter(new)) for old, new in went.items() if len(new) == 1}

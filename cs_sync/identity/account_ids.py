"""Assignment of account ids: the existing one, else a readable one, never a used one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.identity.account_groups import build_account_node, build_record_node
from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.evidence import MatchEvidence
from cs_sync.identity.facts import AccountFact, KnownAccount, KnownLink, RecordRef


class IdentifiedGroups(Struct, frozen=True):
    """Groups of records with account ids.

    `members` maps an account id to its records in founder order, `account_of` any record to
    its account, `merged` an old id to its survivor.
    """

    members: Mapping[str, Sequence[AccountFact]]
    account_of: Mapping[RecordRef, str]
    merged: Mapping[str, str]


def map_final_ids(accounts: Iterable[KnownAccount]) -> dict[str, str]:
    """Map every known id to its final survivor.

    A live one maps to itself.
    """
    into = {account.id: account.merged_into for account in accounts}
    final = {}
    for start in into:
        at, visited = start, {start}
        while (after := into.get(at)) is not None and after in into and after not in visited:
            at = after
            visited.add(at)
        final[start] = at
    return final


def assign_ids(
    sets: DisjointSets,
    evidence: MatchEvidence,
    accounts: Sequence[KnownAccount],
    links: Sequence[KnownLink],
) -> IdentifiedGroups:
    """Assign an id to every group.

    Args:
        sets: The groups of records.
        evidence: The account records.
        accounts: All stored accounts.
        links: The stored links to live accounts.
    """
    groups: dict[Node, list[AccountFact]] = defaultdict(list)
    for fact in evidence.facts:
        groups[sets.find(build_record_node(fact.ref))].append(fact)
    final = map_final_ids(accounts)
    live = sorted(
        (a for a in accounts if final[a.id] == a.id), key=lambda a: (a.first_seen_at, a.id)
    )
    names = {root: next(iter(sorted(tag[1] for tag in sets.get_tags(root, "pin"))), "")
             for root in groups}  # fmt: skip
    for account in live:
        root = sets.find(build_account_node(account.id))
        if root in groups:
            names[root] = names[root] or account.id
    _restore_ids(names, groups, final, links)
    _create_ids(names, groups, evidence, taken={*final, *names.values()})
    account_of = _map_accounts(sets, evidence, names)
    named = set(names.values())
    final = map_final_ids(
        replace(account, merged_into=None) if account.id in named else account
        for account in accounts
    )
    lives_on = {a.id: names.get(sets.find(build_account_node(a.id))) for a in live}
    lives_on |= _follow_moved_records(
        {i for i, name in lives_on.items() if name is None}, links, account_of
    )
    merged = {old: lives_on.get(last) or last for old, last in final.items()}
    return IdentifiedGroups(
        {names[root]: facts for root, facts in groups.items()},
        account_of,
        {old: new for old, new in merged.items() if old != new},
    )


def _restore_ids(
    names: dict[Node, str],
    groups: Mapping[Node, Sequence[AccountFact]],
    final: Mapping[str, str],
    links: Iterable[KnownLink],
) -> None:
    """Give groups that leave an account their founders' merged ids."""
    left = {link.ref: link.target for link in links}
    homonyms = Counter((target, ref.source_id) for ref, target in left.items())
    taken = set(names.values())
    for root, facts in groups.items():
        founder = facts[0].ref
        if names[root] or founder not in left:
            continue
        number = 0 if homonyms[left[founder], founder.source_id] == 1 else 1
        for name in islice(_propose_ids(founder, None), number, 2):
            if name not in taken and final.get(name) == left[founder] != name:
                names[root] = name
                taken.add(name)
                break


def _create_ids(
    names: dict[Node, str],
    groups: Mapping[Node, Sequence[AccountFact]],
    evidence: MatchEvidence,
    taken: set[str],
) -> None:
    """Create ids for the groups without one.

    In the order of their founders.
    """
    for root, facts in groups.items():
        if not names[root]:
            proposals = _propose_ids(facts[0].ref, evidence.key(facts[0]))
            names[root] = next(name for name in proposals if name not in taken)
            taken.add(names[root])


def _propose_ids(founder: RecordRef, key: str | None) -> Iterator[str]:
    source, source_id = founder
    if key:
        yield key
    yield source_id
    yield f"{source}:{source_id}"
    yield from (f"{source}:{source_id}:{number}" for number in count(2))


def _map_accounts(
    sets: DisjointSets, evidence: MatchEvidence, names: Mapping[Node, str]
) -> dict[RecordRef, str]:
    """Map records, and merged ids without a record, to their accounts."""
    refs = {*(fact.ref for fact in evidence.facts), *evidence.survivors}
    roots = {ref: sets.find(build_record_node(ref)) for ref in refs}
    return {ref: names[root] for ref, root in roots.items() if root in names}


def _follow_moved_records(
    empty: set[str], links: Iterable[KnownLink], account_of: Mapping[RecordRef, str]
) -> dict[str, str]:
    """Map emptied accounts to the one account of all their records."""
    went: dict[str, set[str]] = defaultdict(set)
    for link in links:
        if link.target in empty and link.ref in account_of:
            went[link.target].add(account_of[link.ref])
    return {old: next(iter(new)) for old, new in went.items() if len(new) == 1}

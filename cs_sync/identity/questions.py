"""Open questions about accounts for a person to answer."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from cs_sync.identity.account_ids import IdentifiedGroups
from cs_sync.identity.answers import Side, are_split
from cs_sync.identity.domains import normalise_email
from cs_sync.identity.evidence import MatchEvidence
from cs_sync.identity.facts import AccountFact, RecordRef
from cs_sync.identity.resolution import Conflict

MAX_ACCOUNTS_NAMED = 20
"""How many accounts a question names; of more it tells the number."""
MAX_SAME_NAME = 5
"""A name that more accounts of one source go by (“Test”, “Default”) says nothing."""
Doubts = dict[RecordRef, dict[str, set[str]]]
"""Record → why it may be another account → the accounts that it may be."""


def build_account_questions(
    evidence: MatchEvidence,
    groups: IdentifiedGroups,
    domains: Mapping[str, Mapping[str, RecordRef]],
    moved_people: Iterable[tuple[RecordRef, RecordRef]] = (),
) -> list[Conflict]:
    """Build one question for each record that may belong to another account.

    Args:
        evidence: The account records.
        groups: The accounts with their records.
        domains: Domain → its accounts, each with a record.
        moved_people: Pairs of old and new record of most of the new one's people.
    """
    sides = _map_sides(evidence, groups) if evidence.answers.has_splits else {}
    keyed = {fact.ref for fact in evidence.facts if evidence.key(fact)}
    doubts: Doubts = defaultdict(dict)
    for doubt_group in (
        _find_shared_domains(evidence, keyed, domains),
        _find_shared_addresses(evidence, groups),
        _find_renamed_groups(evidence, groups),
        _find_moved_groups(evidence, groups, moved_people),
    ):
        for ref, why, candidates in doubt_group:
            own = groups.account_of[ref]
            others = {
                candidate
                for candidate in candidates
                if candidate != own and not _are_accounts_split(sides, own, candidate)
            }
            if others:
                doubts[ref][why] = others
    return [
        _build_question(ref, groups.account_of[ref], doubts[ref], keyed=ref in keyed)
        for ref in sorted(doubts)
    ]


DoubtIterator = Iterator[tuple[RecordRef, str, set[str]]]


def _find_shared_domains(
    evidence: MatchEvidence,
    keyed: Container[RecordRef],
    domains: Mapping[str, Mapping[str, RecordRef]],
) -> DoubtIterator:
    """Yield the first record of each account on a shared domain."""
    for domain in sorted(domains):
        for ref in domains[domain].values() if len(domains[domain]) > 1 else ():
            if ref not in keyed and evidence.is_independent(ref):
                yield ref, f"The domain {domain} leads to", set(domains[domain])


def _find_shared_addresses(evidence: MatchEvidence, groups: IdentifiedGroups) -> DoubtIterator:
    """Yield records with a common e-mail address.

    Except those with different own ids.
    """
    for facts in _group_alike(evidence, lambda fact: [normalise_email(fact.email)]):
        loose = {fact.ref for fact in facts if not evidence.key(fact)}
        yield from _pair_accounts(facts, groups, "Its e-mail address is shared by", loose)


def _find_renamed_groups(evidence: MatchEvidence, groups: IdentifiedGroups) -> DoubtIterator:
    """Yield a source's own ids that may be renamed."""
    alone = _list_lone_records(groups)

    def keyed(fact: AccountFact, values: Iterable[object]) -> list[object]:
        return [(fact.ref.source, value) for value in values if value and evidence.key(fact)]

    for facts in _group_alike(evidence, lambda fact: keyed(fact, sorted(evidence.sites[fact.ref]))):
        yield from _pair_accounts(facts, groups, "Its domain is shared by", alone)
    for facts in _group_alike(evidence, lambda fact: keyed(fact, [_normalise_name(fact)])):
        if len(facts) <= MAX_SAME_NAME:
            yield from _pair_accounts(facts, groups, "Its name is shared by", alone)


def _find_moved_groups(
    evidence: MatchEvidence,
    groups: IdentifiedGroups,
    moved_people: Iterable[tuple[RecordRef, RecordRef]],
) -> DoubtIterator:
    """Yield records whose people moved together.

    One of the two is unknown elsewhere.
    """
    facts = {fact.ref: fact for fact in evidence.facts if evidence.is_independent(fact.ref)}
    alone = _list_lone_records(groups)
    for pair in moved_people:
        if facts.keys() >= set(pair):
            both = [facts[ref] for ref in pair]
            yield from _pair_accounts(both, groups, "Most of its people are shared by", alone)


def _list_lone_records(groups: IdentifiedGroups) -> set[RecordRef]:
    """Return the records of accounts that no more than one source knows."""
    return {
        fact.ref
        for facts in groups.members.values()
        if len({fact.ref.source for fact in facts if not fact.deleted}) <= 1
        for fact in facts
    }


def _normalise_name(fact: AccountFact) -> str:
    return " ".join((fact.name or "").casefold().split())


def _group_alike(
    evidence: MatchEvidence, values: Callable[[AccountFact], Iterable[object]]
) -> Iterator[list[AccountFact]]:
    """Yield groups of two or more living records with a common value."""
    groups: dict[object, list[AccountFact]] = defaultdict(list)
    for fact in evidence.list_matchable():
        for value in values(fact):
            if value:
                groups[value].append(fact)
    yield from (facts for facts in groups.values() if len(facts) > 1)


def _pair_accounts(
    facts: Sequence[AccountFact], groups: IdentifiedGroups, why: str, loose: Container[RecordRef]
) -> DoubtIterator:
    """Yield records with their possible accounts.

    One of any two has to be `loose`.
    """
    every = {groups.account_of[fact.ref] for fact in facts}
    if len(every) > 1:
        loose_accounts = {groups.account_of[fact.ref] for fact in facts if fact.ref in loose}
        for fact in facts:
            yield fact.ref, why, every if fact.ref in loose else loose_accounts


def _map_sides(evidence: MatchEvidence, groups: IdentifiedGroups) -> dict[str, frozenset[Side]]:
    """Map each account to the answer sides of its records."""
    by_account: dict[str, frozenset[Side]] = defaultdict(frozenset)
    for ref, sides in evidence.answers.sides.items():
        by_account[groups.account_of[ref]] |= sides
    return by_account


def _are_accounts_split(sides: Mapping[str, frozenset[Side]], first: str, second: str) -> bool:
    return first in sides and second in sides and are_split(sides[first], sides[second])


def _build_question(
    ref: RecordRef, own: str, doubts: Mapping[str, set[str]], *, keyed: bool
) -> Conflict:
    candidates = sorted({own}.union(*doubts.values()))
    named = candidates[:MAX_ACCOUNTS_NAMED]
    ids = " ".join(named) + (" …" if len(candidates) > MAX_ACCOUNTS_NAMED else "")
    return Conflict(
        "account",
        ref,
        tuple(named),
        "; ".join(
            _format_reason(why, sorted(accounts | {own})) for why, accounts in doubts.items()
        ),
        f"cs-sync accounts link {ids} if they are one company, cs-sync accounts split {ids} "
        "if they are not" + ("" if keyed else f"; or give it your own account id in {ref.source}"),
    )


def _format_reason(why: str, accounts: Sequence[str]) -> str:
    more = len(accounts) - MAX_ACCOUNTS_NAMED
    listed = ", ".join(accounts[:MAX_ACCOUNTS_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{why} {len(accounts)} accounts: {listed}"

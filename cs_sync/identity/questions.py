"""What stays open about accounts, so that a person has to say."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from cs_sync.identity.account_ids import NamedGroups
from cs_sync.identity.answers import Side, apart
from cs_sync.identity.domains import email_of
from cs_sync.identity.evidence import Evidence
from cs_sync.identity.facts import AccountFact, Ref
from cs_sync.identity.resolution import Conflict, ResolvedLink

MOST_NAMED = 20
"""How many accounts a question names; of more it tells the number."""
GENERIC_NAME = 5
"""A name that more accounts of one source go by (“Test”, “Default”) says nothing."""
Doubts = dict[Ref, dict[str, set[str]]]
"""Record → why it may be another account → the accounts that it may be."""


def account_questions(
    evidence: Evidence,
    groups: NamedGroups,
    links: Iterable[ResolvedLink],
    domains: Mapping[str, Mapping[str, Ref]],
) -> list[Conflict]:
    """One for each record that may be another account, with all that speaks for it."""
    sides = _sides(evidence, groups) if evidence.answers.parted else {}
    keyed = {fact.ref for fact in evidence.facts if evidence.key(fact)}
    doubts: Doubts = defaultdict(dict)
    for found in (
        _shared_domains(evidence, links, domains),
        _shared_addresses(evidence, groups),
        _renamed_groups(evidence, groups),
    ):
        for ref, why, candidates in found:
            own = groups.account_of[ref]
            others = {one for one in candidates if one != own and not _parted(sides, own, one)}
            if others:
                doubts[ref][why] = others
    return [
        _question(ref, groups.account_of[ref], ref in keyed, doubts[ref]) for ref in sorted(doubts)
    ]


Found = Iterator[tuple[Ref, str, set[str]]]


def _shared_domains(
    evidence: Evidence, links: Iterable[ResolvedLink], domains: Mapping[str, Mapping[str, Ref]]
) -> Found:
    """Records that only a domain could have linked, and whose domain leads to other accounts."""
    own = {link.ref: link.target for link in links if link.rule == "own"}
    for fact in evidence.matchable():
        for domain in sorted(evidence.reach[fact.ref]) if fact.ref in own else ():
            yield fact.ref, f"The domain {domain} leads to", set(domains[domain])


def _shared_addresses(evidence: Evidence, groups: NamedGroups) -> Found:
    """Records with one e-mail address, but for those that our own ids tell apart."""
    for facts in _alike(evidence, lambda fact: [email_of(fact.email)]):
        loose = {fact.ref for fact in facts if not evidence.key(fact)}
        yield from _pairs(facts, groups, "Its e-mail address is shared by", loose)


def _renamed_groups(evidence: Evidence, groups: NamedGroups) -> Found:
    """Own ids of one source that may be one, renamed: no other system knows one of the two."""
    alone = {
        fact.ref
        for facts in groups.members.values()
        if len({fact.ref.source for fact in facts if not fact.deleted}) == 1
        for fact in facts
    }

    def keyed(fact: AccountFact, values: Iterable[object]) -> list[object]:
        return [(fact.ref.source, value) for value in values if value and evidence.key(fact)]

    for facts in _alike(evidence, lambda fact: keyed(fact, sorted(evidence.sites[fact.ref]))):
        yield from _pairs(facts, groups, "Its domain is shared by", alone)
    for facts in _alike(evidence, lambda fact: keyed(fact, [_name(fact)])):
        if len(facts) <= GENERIC_NAME:
            yield from _pairs(facts, groups, "Its name is shared by", alone)


def _name(fact: AccountFact) -> str:
    return " ".join((fact.name or "").casefold().split())


def _alike(
    evidence: Evidence, values: Callable[[AccountFact], Iterable[object]]
) -> Iterator[list[AccountFact]]:
    """Living records that have a value in common, two or more at a time."""
    found: dict[object, list[AccountFact]] = defaultdict(list)
    for fact in evidence.matchable():
        for value in values(fact):
            if value:
                found[value].append(fact)
    yield from (facts for facts in found.values() if len(facts) > 1)


def _pairs(
    facts: Sequence[AccountFact], groups: NamedGroups, why: str, loose: Container[Ref]
) -> Found:
    """Records with the accounts that they may be: one of any two has to be `loose`."""
    every = {groups.account_of[fact.ref] for fact in facts}
    if len(every) > 1:
        some = {groups.account_of[fact.ref] for fact in facts if fact.ref in loose}
        for fact in facts:
            yield fact.ref, why, every if fact.ref in loose else some


def _sides(evidence: Evidence, groups: NamedGroups) -> dict[str, frozenset[Side]]:
    """Account → the sides of answers that its records are on."""
    found: dict[str, frozenset[Side]] = defaultdict(frozenset)
    for ref, sides in evidence.answers.sides.items():
        found[groups.account_of[ref]] |= sides
    return found


def _parted(sides: Mapping[str, frozenset[Side]], one: str, other: str) -> bool:
    return one in sides and other in sides and apart(sides[one], sides[other])


def _question(ref: Ref, own: str, keyed: bool, doubts: Mapping[str, set[str]]) -> Conflict:
    candidates = sorted({own}.union(*doubts.values()))
    named = candidates[:MOST_NAMED]
    told = " ".join(named) + (" …" if len(candidates) > MOST_NAMED else "")
    return Conflict(
        "account",
        ref,
        tuple(named),
        "; ".join(_reason(why, sorted(found | {own})) for why, found in doubts.items()),
        f"cs-sync accounts link {told} if they are one company, cs-sync accounts split {told} "
        "if they are not" + ("" if keyed else f"; or give it your own account id in {ref.source}"),
    )


def _reason(why: str, accounts: Sequence[str]) -> str:
    more = len(accounts) - MOST_NAMED
    listed = ", ".join(accounts[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{why} {len(accounts)} accounts: {listed}"

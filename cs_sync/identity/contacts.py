"""Contacts of all sources resolved into people, each link with its rule and reason."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cs_sync.identity.domains import DomainRules
from cs_sync.identity.evidence import own_key, survivors_of
from cs_sync.identity.facts import ContactFact, Facts, Known, KnownLink, MembershipFact, Ref
from cs_sync.identity.people import (
    AccountPaths,
    Person,
    emails_of,
    group_people,
    name_people,
    person_order,
)
from cs_sync.identity.resolution import Conflict, ResolvedContact, ResolvedLink


def resolve_contacts(
    facts: Facts,
    known: Known,
    account_of: Mapping[Ref, str],
    domains: Mapping[str, Mapping[str, Ref]],
    rules: DomainRules,
) -> tuple[list[ResolvedContact], list[ResolvedLink], dict[str, str], list[Conflict]]:
    """People, links, ids that live on in another one, and people whose account stayed open."""
    ordered = sorted(facts.contacts, key=person_order)
    survivors = survivors_of(facts.aliases, "source_contact")
    paths = AccountPaths(account_of, _memberships(facts.memberships), domains, rules)
    sets = group_people(ordered, survivors, known.contact_links, paths)
    people, merged, names = name_people(sets, ordered, known.contacts, paths)
    before = {link.ref: link for link in known.contact_links}
    links = [link for person in people for link in _links(person, survivors, before)]
    present = {fact.ref for fact in ordered}
    for old, survivor in survivors.items():
        name = names.get(sets.find(("record", *old)))
        if old not in present and name:
            links.append(ResolvedLink(old, name, "alias", _merged_into(survivor)))
    return (
        sorted((_contact(person) for person in people), key=lambda contact: contact.id),
        sorted(links, key=lambda link: link.ref),
        merged,
        sorted((p.conflict for p in people if p.conflict), key=lambda c: c.ref),
    )


def _memberships(facts: Iterable[MembershipFact]) -> dict[Ref, list[MembershipFact]]:
    found: dict[Ref, list[MembershipFact]] = defaultdict(list)
    for fact in facts:
        found[Ref(fact.source, fact.contact_source_id)].append(fact)
    return found


def _contact(person: Person) -> ResolvedContact:
    def first(read: Callable[[ContactFact], str | None]) -> str | None:
        return next((value for fact in person.facts if (value := read(fact))), None)

    return ResolvedContact(
        id=person.id,
        account_id=person.account_id,
        email=first(lambda fact: next(iter(emails_of(fact)), None)),
        external_key=first(own_key),
        name=first(lambda fact: fact.name),
        role=first(lambda fact: fact.role),
        place=person.place,
        stated=person.stated,
        since=person.since,
    )


def _links(
    person: Person, survivors: Mapping[Ref, Ref], before: Mapping[Ref, KnownLink]
) -> Iterator[ResolvedLink]:
    """The first record founds the person; every other one says what it shares with another."""
    holders: dict[str, list[Ref]] = defaultdict(list)
    keys: dict[str, list[Ref]] = defaultdict(list)
    for fact in person.facts:
        if key := own_key(fact):
            keys[key].append(fact.ref)
        for email in emails_of(fact):
            holders[email].append(fact.ref)
    for number, fact in enumerate(person.facts):
        kept = before.get(fact.ref)
        if fact.ref in survivors:
            yield ResolvedLink(fact.ref, person.id, "alias", _merged_into(survivors[fact.ref]))
        elif found := _shared(fact, keys, holders) if number else None:
            yield ResolvedLink(fact.ref, person.id, *found)
        elif kept and kept.target == person.id and kept.rule != "alias":
            yield ResolvedLink(fact.ref, person.id, kept.rule, kept.reason, kept.decided_by)
        else:
            yield ResolvedLink(fact.ref, person.id, "own", "The first record of this person")


def _shared(
    fact: ContactFact, keys: Mapping[str, Sequence[Ref]], holders: Mapping[str, Sequence[Ref]]
) -> tuple[str, str] | None:
    key = own_key(fact)
    if key and (other := _another(fact.ref, keys[key])):
        return "external_key", f"Carries our own user id {key}, as {other}"
    for email in emails_of(fact):
        if other := _another(fact.ref, holders[email]):
            return "email", f"Same e-mail address as {other}"
    return None


def _another(ref: Ref, refs: Sequence[Ref]) -> Ref | None:
    return next((other for other in refs[:2] if other != ref), None)


def _merged_into(survivor: Ref) -> str:
    return f"Merged into {survivor} at the source"

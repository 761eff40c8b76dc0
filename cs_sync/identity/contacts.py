"""Resolution of the contacts of all sources into people, each link with rule and reason."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cs_sync.identity.domains import DomainRules
from cs_sync.identity.evidence import map_survivors, read_own_id
from cs_sync.identity.facts import (
    ContactFact,
    IdentityFacts,
    KnownIdentity,
    KnownLink,
    MembershipFact,
    RecordRef,
)
from cs_sync.identity.people import (
    AccountPaths,
    Person,
    group_people,
    identify_people,
    list_emails,
    rank_contact,
)
from cs_sync.identity.resolution import Conflict, ResolvedContact, ResolvedLink


def resolve_contacts(
    facts: IdentityFacts,
    stored: KnownIdentity,
    account_of: Mapping[RecordRef, str],
    domains: Mapping[str, Mapping[str, RecordRef]],
    rules: DomainRules,
) -> tuple[list[ResolvedContact], list[ResolvedLink], dict[str, str], list[Conflict]]:
    """Resolve contact records into people.

    Args:
        facts: The records of all sources.
        known: The earlier decisions, as stored.
        account_of: Record → its account id.
        domains: Domain → its accounts, each with a record.
        rules: The rules for company domains.

    Returns:
        People, links, merged ids → their survivors, and people with an undecided account.
    """
    ordered = sorted(facts.contacts, key=rank_contact)
    survivors = map_survivors(facts.aliases, "source_contact")
    paths = AccountPaths(account_of, _group_memberships(facts.memberships), domains, rules)
    earlier_accounts = {link.ref: link.target for link in stored.account_links}
    sets = group_people(ordered, survivors, stored.contact_links, paths, earlier_accounts)
    people, merged, gone = identify_people(sets, ordered, stored.contacts, survivors, paths)
    del sets, earlier_accounts  # a third of the memory, while people are built
    before = {link.ref: link for link in stored.contact_links}
    contacts, links, conflicts = list[ResolvedContact](), list[ResolvedLink](), list[Conflict]()
    for person in people:
        contacts.append(_build_contact(person))
        links.extend(_build_links(person, survivors, before))
        conflicts.extend([person.conflict] if person.conflict else [])
    for old, name in gone.items():
        links.append(ResolvedLink(old, name, "alias", _explain_merge(survivors[old])))
    return (
        sorted(contacts, key=lambda contact: contact.id),
        sorted(links, key=lambda link: link.ref),
        merged,
        sorted(conflicts, key=lambda conflict: conflict.ref),
    )


def _group_memberships(facts: Iterable[MembershipFact]) -> dict[RecordRef, list[MembershipFact]]:
    memberships: dict[RecordRef, list[MembershipFact]] = defaultdict(list)
    for fact in facts:
        memberships[RecordRef(fact.source, fact.contact_source_id)].append(fact)
    return memberships


def _build_contact(person: Person) -> ResolvedContact:
    def first(read: Callable[[ContactFact], str | None]) -> str | None:
        return next((value for fact in person.facts if (value := read(fact))), None)

    return ResolvedContact(
        id=person.id,
        account_id=person.account_id,
        email=first(lambda fact: next(iter(list_emails(fact)), None)),
        external_key=first(read_own_id),
        name=first(lambda fact: fact.name),
        role=first(lambda fact: fact.role),
        place=person.place,
        stated=person.stated,
        since=person.since,
        doubted=person.doubted,
    )


def _build_links(
    person: Person, survivors: Mapping[RecordRef, RecordRef], before: Mapping[RecordRef, KnownLink]
) -> Iterator[ResolvedLink]:
    """Build the links of a person.

    The first record founds it, every other one matches another.
    """
    holders: dict[str, list[RecordRef]] = defaultdict(list)
    keys: dict[str, list[RecordRef]] = defaultdict(list)
    for fact in person.facts:
        if key := read_own_id(fact):
            keys[key].append(fact.ref)
        for email in list_emails(fact):
            holders[email].append(fact.ref)
    for number, fact in enumerate(person.facts):
        stored = before.get(fact.ref)
        if fact.ref in survivors:
            yield ResolvedLink(fact.ref, person.id, "alias", _explain_merge(survivors[fact.ref]))
        elif rule_match := _find_match(fact, keys, holders) if number else None:
            yield ResolvedLink(fact.ref, person.id, *rule_match)
        elif stored and stored.target == person.id and stored.rule != "alias":
            yield ResolvedLink(fact.ref, person.id, stored.rule, stored.reason, stored.decided_by)
        else:
            yield ResolvedLink(fact.ref, person.id, "own", "The first record of this person")


def _find_match(
    fact: ContactFact,
    keys: Mapping[str, Sequence[RecordRef]],
    holders: Mapping[str, Sequence[RecordRef]],
) -> tuple[str, str] | None:
    key = read_own_id(fact)
    if key and (other := _find_other(fact.ref, keys[key])):
        return "external_key", f"Carries our own user id {key}, as {other}"
    for email in list_emails(fact):
        if other := _find_other(fact.ref, holders[email]):
            return "email", f"Same e-mail address as {other}"
    return None


def _find_other(ref: RecordRef, refs: Sequence[RecordRef]) -> RecordRef | None:
    return next((other for other in refs[:2] if other != ref), None)


def _explain_merge(survivor: RecordRef) -> str:
    return f"Merged into {survivor} at the source"

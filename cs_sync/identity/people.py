"""Which contact records are one person, and which account that person belongs to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.domains import DomainRules, email_of
from cs_sync.identity.evidence import merged_keys, own_key, source_rank
from cs_sync.identity.facts import ContactFact, KnownContact, KnownLink, MembershipFact, Ref
from cs_sync.identity.resolution import Conflict

_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AccountPaths:
    """What leads from a contact to an account: stated links, and domains with their accounts."""

    account_of: Mapping[Ref, str]
    memberships: Mapping[Ref, Sequence[MembershipFact]]
    domains: Mapping[str, Mapping[str, Ref]]
    rules: DomainRules


@dataclass(frozen=True, slots=True)
class Person:
    """One person: records in order, the id, the account (None: unknown) and what stayed open.

    `place` is the account's record by which it is known, `stated` by a source and not by a domain;
    its records last changed there at `since`.
    """

    id: str
    facts: Sequence[ContactFact]
    account_id: str | None = None
    place: Ref | None = None
    stated: bool = False
    since: datetime | None = None
    conflict: Conflict | None = None


def person_order(fact: ContactFact) -> tuple[bool, tuple[int, str], datetime, str]:
    """Sorts contact records: those that still exist, then CRM and billing, then the oldest."""
    rank = source_rank(fact.ref.source, fact.connector)
    return fact.deleted, rank, fact.created_at or _LAST, fact.ref.source_id


def emails_of(fact: ContactFact) -> list[str]:
    """All addresses of a record in one spelling, the main one first."""
    found = (email_of(text) for text in (fact.email, *fact.extra_emails))
    return list(dict.fromkeys(email for email in found if email))


def stated_accounts(fact: ContactFact, paths: AccountPaths) -> dict[str, Ref]:
    """The accounts that a record names: its own reference, else the primary membership, else all.

    Each with the account's record that is named. More than one only where several memberships
    exist and none is the primary one.
    """
    source = fact.ref.source
    if fact.account_source_id:
        named = Ref(source, fact.account_source_id)
        if named in paths.account_of:
            return {paths.account_of[named]: named}
    members = paths.memberships.get(fact.ref, ())
    chosen = [member for member in members if member.is_primary] or members
    refs = sorted(Ref(source, member.account_source_id) for member in chosen)
    return {paths.account_of[ref]: ref for ref in reversed(refs) if ref in paths.account_of}


def group_people(
    facts: Sequence[ContactFact],
    survivors: Mapping[Ref, Ref],
    links: Iterable[KnownLink],
    paths: AccountPaths,
) -> DisjointSets:
    """Sets of contact records that are one person."""
    sets = DisjointSets()
    taken_over, renamed = merged_keys(facts, survivors)
    for fact in facts:
        node = ("record", *fact.ref)
        sets.find(node)
        for email in emails_of(fact):
            sets.union(node, ("email", email))
        accounts = stated_accounts(fact, paths)
        key = own_key(fact) or taken_over.get(fact.ref)
        if key and len(accounts) == 1:
            sets.union(node, ("own", renamed.get(key, key), *accounts))
    for old, survivor in survivors.items():
        sets.union(("record", *old), ("record", *survivor))
    present = {fact.ref for fact in facts} | set(survivors)
    for link in links:
        if link.ref in present:
            sets.union(("contact", link.target), ("record", *link.ref))
    return sets


def name_people(
    sets: DisjointSets,
    facts: Sequence[ContactFact],
    known: Iterable[KnownContact],
    paths: AccountPaths,
) -> tuple[list[Person], dict[str, str], dict[Node, str]]:
    """People, contact ids that live on in another one, and the id of every set."""
    groups: dict[Node, list[ContactFact]] = defaultdict(list)
    for fact in facts:
        groups[sets.find(("record", *fact.ref))].append(fact)
    names: dict[Node, str] = {}
    merged = {}
    for contact in sorted(known, key=lambda contact: (contact.first_seen_at, contact.id)):
        root = sets.find(("contact", contact.id))
        if names.setdefault(root, contact.id) != contact.id:
            merged[contact.id] = names[root]
    taken = {*names.values(), *merged}
    for root, members in groups.items():
        if root not in names:
            names[root] = _new_id(min(members, key=lambda f: person_order(f)[1:]).ref, taken)
            taken.add(names[root])
    people = [_person(names[root], members, paths) for root, members in groups.items()]
    return people, merged, {root: names[root] for root in groups}


def _new_id(founder: Ref, taken: set[str]) -> str:
    """Readable and free of personal data, so that a person can be forgotten."""
    name = f"{founder.source}:{founder.source_id}"
    number = 2
    while name in taken:
        name = f"{founder.source}:{founder.source_id}:{number}"
        number += 1
    return name


def _person(contact_id: str, facts: Sequence[ContactFact], paths: AccountPaths) -> Person:
    """The account that the first source with an opinion names, else that of the e-mail domain."""
    by_source: dict[str, dict[str, Ref]] = defaultdict(dict)
    for fact in facts:
        found = by_source[fact.ref.source]
        found |= {**stated_accounts(fact, paths), **found}
    source, named = next(((s, found) for s, found in by_source.items() if found), ("", {}))
    hint = "its records name"
    if not named:
        named, hint = _by_domain(facts, paths), "its e-mail domain leads to"
    if len(named) > 1:
        return Person(contact_id, facts, conflict=_conflict(facts[0].ref, sorted(named), hint))
    for account, place in named.items():
        return Person(contact_id, facts, account, place, bool(source), _said_at(facts, source))
    return Person(contact_id, facts)


def _by_domain(facts: Sequence[ContactFact], paths: AccountPaths) -> dict[str, Ref]:
    emails = {email for fact in facts for email in emails_of(fact)}
    domains = {paths.rules.email_company_domain(email) or "" for email in emails}
    found: dict[str, Ref] = {}
    for domain in sorted(domains):
        found |= {**paths.domains.get(domain, {}), **found}
    return found


def _said_at(facts: Sequence[ContactFact], source: str) -> datetime | None:
    """When the records of a source, or all of them, last changed there."""
    changed = [f.updated_at for f in facts if f.updated_at and source in ("", f.ref.source)]
    return max(changed, default=None)


def _conflict(ref: Ref, candidates: Sequence[str], hint: str) -> Conflict:
    return Conflict(
        "contact",
        ref,
        tuple(candidates),
        f"No account, for {hint} {len(candidates)} accounts: {', '.join(candidates)}",
        f"Name the contact's account (the primary one of several) in {ref.source}",
    )

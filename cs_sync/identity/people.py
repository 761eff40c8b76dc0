"""Grouping of contact records into people, and the account of each person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.domains import DomainRules, normalise_email
from cs_sync.identity.evidence import read_own_id, resolve_merged_keys
from cs_sync.identity.facts import ContactFact, KnownContact, KnownLink, MembershipFact, RecordRef
from cs_sync.identity.resolution import Conflict

_LAST = datetime.max.replace(tzinfo=UTC)
NOBODYS = frozenset[str]()
"""One for all: an empty set takes 216 bytes."""


class AccountPaths(Struct, frozen=True):
    """The paths from a contact to an account: stated links, and domains with their accounts."""

    account_of: Mapping[RecordRef, str]
    memberships: Mapping[RecordRef, Sequence[MembershipFact]]
    domains: Mapping[str, Mapping[str, RecordRef]]
    rules: DomainRules


class Person(Struct, frozen=True):
    """One person: records in order, id, account (None: unknown) and conflict.

    `place` is the account's record behind the assignment; `stated` is true if a source
    named it, false if a domain did; `since` is the last change of the person's records
    there.
    """

    id: str
    facts: Sequence[ContactFact]
    account_id: str | None = None
    place: RecordRef | None = None
    stated: bool = False
    since: datetime | None = None
    conflict: Conflict | None = None
    doubted: frozenset[str] = frozenset()
    """The accounts that share an e-mail domain of the person."""


def rank_contact(fact: ContactFact) -> tuple[bool, int, str, datetime, str]:
    """Return the sort key of a contact.

    Existing first, then by precedence, then the oldest.
    """
    created = fact.created_at or _LAST
    return fact.deleted, fact.precedence, fact.ref.source, created, fact.ref.source_id


def list_emails(fact: ContactFact) -> list[str]:
    """Return all normalised addresses of a record, the main one first."""
    if not fact.extra_emails:
        email = normalise_email(fact.email)
        return [email] if email else []
    emails = (normalise_email(text) for text in (fact.email, *fact.extra_emails))
    return list(dict.fromkeys(email for email in emails if email))


def find_stated_accounts(fact: ContactFact, paths: AccountPaths) -> dict[str, RecordRef]:
    """Return the accounts named by a record: its reference, else its memberships.

    The primary membership wins; there are several accounts only where several memberships
    exist and none is primary.

    Returns:
        Account id → the account's record named.
    """
    source = fact.ref.source
    if fact.account_source_id:
        named = RecordRef(source, fact.account_source_id)
        if named in paths.account_of:
            return {paths.account_of[named]: named}
    members = paths.memberships.get(fact.ref, ())
    chosen = [member for member in members if member.is_primary] or members
    refs = sorted(RecordRef(source, member.account_source_id) for member in chosen)
    return {paths.account_of[ref]: ref for ref in reversed(refs) if ref in paths.account_of}


def group_people(
    facts: Sequence[ContactFact],
    survivors: Mapping[RecordRef, RecordRef],
    links: Iterable[KnownLink],
    paths: AccountPaths,
    earlier_accounts: Mapping[RecordRef, str],
) -> DisjointSets:
    """Group the contact records into people.

    Args:
        facts: The contact records in order.
        survivors: Merged record → the record it was merged into.
        links: The stored links to contacts.
        paths: The paths to accounts.
        earlier_accounts: Record → the account of its stored link.

    Returns:
        Disjoint sets, one per person.
    """
    sets = DisjointSets()
    holders: dict[str, Node] = {}
    earlier_keys: dict[RecordRef, Node] = {}
    taken_over, renamed = resolve_merged_keys(facts, survivors)
    for fact in facts:
        node = ("record", *fact.ref)
        for email in list_emails(fact):
            sets.union(node, holders.setdefault(email, node))
        accounts = find_stated_accounts(fact, paths)
        key = read_own_id(fact) or taken_over.get(fact.ref)
        if key and len(accounts) == 1:
            sets.union(node, ("own", renamed.get(key, key), *accounts))
            (place,) = accounts.values()
            earlier_account = earlier_accounts.get(place, "")
            earlier_keys[fact.ref] = ("own", renamed.get(key, key), earlier_account)
    for old, survivor in survivors.items():
        sets.union(("record", *old), ("record", *survivor))
    places = {fact.ref: number for number, fact in enumerate(facts)}
    present = [link for link in links if link.ref in places or link.ref in survivors]
    present.sort(key=lambda link: (link.rule != "own", places.get(link.ref, len(places)), link.ref))
    _keep_known_links(sets, present, earlier_keys)
    return sets


def _keep_known_links(
    sets: DisjointSets, links: Iterable[KnownLink], earlier_keys: Mapping[RecordRef, Node]
) -> None:
    """Keep stored links of records without common evidence, founders first.

    Records joined by one user id in one account are parted with that account.
    """
    members: dict[str, list[RecordRef]] = defaultdict(list)
    for link in links:
        members[link.target].append(link.ref)
    for contact_id, refs in members.items():
        ties = DisjointSets()
        for ref in refs:
            ties.union(("record", *ref), ("group", *sets.find(("record", *ref))))
            if ref in earlier_keys:
                ties.union(("record", *ref), earlier_keys[ref])
        firsts = {ties.find(("record", *ref)): ("record", *ref) for ref in reversed(refs)}
        sets.join([("contact", contact_id), *firsts.values()])


def identify_people(
    sets: DisjointSets,
    facts: Sequence[ContactFact],
    contacts: Iterable[KnownContact],
    merged_records: Iterable[RecordRef],
    paths: AccountPaths,
) -> tuple[Iterator[Person], dict[str, str], dict[RecordRef, str]]:
    """Assign an id and an account to every person.

    Returns:
        People one by one, merged contact ids → their survivors, and merged records that are gone →
        the id of their person.
    """
    groups: dict[Node, list[ContactFact]] = defaultdict(list)
    for fact in facts:
        groups[sets.find(("record", *fact.ref))].append(fact)
    names: dict[Node, str] = {}
    merged = {}
    for contact in sorted(contacts, key=lambda contact: (contact.first_seen_at, contact.id)):
        root = sets.find(("contact", contact.id))
        if names.setdefault(root, contact.id) != contact.id:
            merged[contact.id] = names[root]
    taken = {*names.values(), *merged}
    for root, members in groups.items():
        if root not in names:
            names[root] = _create_id(min(members, key=lambda f: rank_contact(f)[1:]).ref, taken)
            taken.add(names[root])
    roots = {ref: sets.find(("record", *ref)) for ref in merged_records}
    gone = {
        ref: names[root]
        for ref, root in roots.items()
        if root in groups and all(fact.ref != ref for fact in groups[root])
    }
    return _build_people(groups, names, paths), merged, gone


def _build_people(
    groups: dict[Node, list[ContactFact]], names: Mapping[Node, str], paths: AccountPaths
) -> Iterator[Person]:
    """Build people one by one, each freed of its group."""
    while groups:
        root, members = groups.popitem()
        yield _build_person(names[root], members, paths)


def _create_id(founder: RecordRef, taken: set[str]) -> str:
    """Create a readable id without personal data.

    It survives the erasure of the person.
    """
    name = f"{founder.source}:{founder.source_id}"
    number = 2
    while name in taken:
        name = f"{founder.source}:{founder.source_id}:{number}"
        number += 1
    return name


def _build_person(contact_id: str, facts: Sequence[ContactFact], paths: AccountPaths) -> Person:
    """Build a person with the first source's account, else the e-mail domain's."""
    by_source: dict[str, dict[str, RecordRef]] = defaultdict(dict)
    for fact in facts:
        accounts = by_source[fact.ref.source]
        accounts |= {**find_stated_accounts(fact, paths), **accounts}
    source, named = next(((s, accounts) for s, accounts in by_source.items() if accounts), ("", {}))
    by_domain = _list_domain_accounts(facts, paths)
    doubted = {name for accounts in by_domain if len(accounts) > 1 for name in accounts}
    person = Person(contact_id, facts, doubted=frozenset(doubted) if doubted else NOBODYS)
    hint = "its records name"
    if not named:
        hint = "its e-mail domain leads to"
        for accounts in by_domain:
            named = {**accounts, **named}
    if len(named) > 1:
        return replace(person, conflict=_build_conflict(facts[0].ref, sorted(named), hint))
    for account, place in named.items():
        since = _find_last_change(facts, source)
        return replace(person, account_id=account, place=place, stated=bool(source), since=since)
    return person


def _list_domain_accounts(
    facts: Sequence[ContactFact], paths: AccountPaths
) -> list[dict[str, RecordRef]]:
    """Return the accounts of each e-mail domain of a person, by domain."""
    emails = {email for fact in facts for email in list_emails(fact)}
    domains = {paths.rules.to_email_company_domain(email) or "" for email in emails}
    return [dict(paths.domains.get(domain, {})) for domain in sorted(domains)]


def _find_last_change(facts: Sequence[ContactFact], source: str) -> datetime | None:
    """Return the last change of a source's records; "" means all sources."""
    changed = [f.updated_at for f in facts if f.updated_at and source in ("", f.ref.source)]
    return max(changed, default=None)


def _build_conflict(ref: RecordRef, candidates: Sequence[str], hint: str) -> Conflict:
    return Conflict(
        "contact",
        ref,
        tuple(candidates),
        f"No account, for {hint} {len(candidates)} accounts: {', '.join(candidates)}",
        f"Name the contact's account (the primary one of several) in {ref.source}",
    )

"""In whatever order records arrive, and in however many syncs: one graph, the same questions.

A world is made of companies. Each is known to several sources, by its domain, by the domain of
its mail or by its own id; some have two customers of one address, two customers or two companies
of one domain, a group that was renamed, or a record that is merged away, and a person has answered
for some of them. Databases are lost on the way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cs_sync.identity import (
    AccountFact,
    AliasFact,
    Answer,
    ContactFact,
    IdentityFacts,
    KnownIdentity,
    RecordRef,
    Resolution,
    resolve_identities,
)
from tests.identity.test_laws import stored
from tests.identity.test_resolve import account

Doubt = Literal["none", "address", "group", "domain", "company"]
Event = AccountFact | ContactFact | AliasFact | Answer


@dataclass
class World:
    """All that the sources will ever say, and what a person answers."""

    accounts: list[AccountFact] = field(default_factory=list)
    contacts: list[ContactFact] = field(default_factory=list)
    aliases: list[AliasFact] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [*self.accounts, *self.contacts, *self.aliases, *self.answers]

    def company(
        self, number: int, keyed: bool, doubt: Doubt, answer: Any, merged: bool, people: int
    ) -> None:
        """Add a company; `doubt` says what of it only a person can decide."""
        domain, key = f"c{number}.example", f"k{number}" if keyed else None
        crm = self._account("hubspot", f"h{number}", domain=domain, external_key=key)
        self._account("zendesk", f"z{number}", extra_domains=[domain])
        paid = f"pay@{domain}"
        doubtful = [self._account("stripe", f"s{number}", external_key=key, email=paid)]
        if doubt == "address":
            doubtful = [self._account("stripe", f"{n}{number}", email=f"ann{number}@gmail.com")
                        for n in "ab"]  # fmt: skip
        elif doubt == "domain":
            doubtful += [crm, self._account("stripe", f"t{number}", email=f"to@{domain}")]
        elif doubt == "company":
            doubtful += [crm, self._account("hubspot", f"j{number}", domain=domain)]
        elif doubt == "group":
            named = {"name": f"Group {number}"}
            names = [f"{n}{number}" for n in "pq"]
            doubtful = [self._account("posthog", n, external_key=n, **named) for n in names]
        if answer and len(doubtful) > 1:
            self.answers.append(Answer(number, answer, tuple(doubtful)))
        if merged:
            site = f"g{number}.example"
            old = self._account("hubspot", f"g{number}", external_key=f"old{number}", domain=site)
            self.aliases.append(AliasFact(old, "source_account", crm.source_id))
            self._account("intercom", f"i{number}", external_key=f"old{number}")
            self._account("helpdesk", f"d{number}", domain=site)
        for n in range(people):
            email = f"p{n}@{domain}"
            self.contacts.append(ContactFact(RecordRef("zendesk", f"{number}-{n}"), email=email))
            self.contacts.append(
                ContactFact(RecordRef("hubspot", f"{number}-{n}"), email=email.upper())
            )
            for source, place in (("zendesk", f"z{number}"), ("stripe", f"s{number}")):
                user = ContactFact(RecordRef(source, f"u{number}-{n}"), place, external_key=f"u{n}")
                self.contacts.append(user)

    def _account(self, source: str, source_id: str, **fields: Any) -> RecordRef:
        self.accounts.append(AccountFact(RecordRef(source, source_id), **fields))
        return self.accounts[-1].ref


def tell(events: Sequence[Event]) -> IdentityFacts:
    """What is known after these: a merge is told by the record that lives on."""
    present = {event.ref for event in events if isinstance(event, AccountFact)}
    aliases = [
        event
        for event in events
        if isinstance(event, AliasFact)
        and RecordRef(event.ref.source, event.survivor_source_id) in present
    ]
    merged = {alias.ref for alias in aliases}
    return IdentityFacts(
        [
            replace(event, deleted=event.ref in merged)
            for event in events
            if isinstance(event, AccountFact)
        ],
        [event for event in events if isinstance(event, ContactFact)],
        aliases=aliases,
        answers=[event for event in events if isinstance(event, Answer)],
    )


def companies(answers: Sequence[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(
        st.booleans(),
        st.sampled_from(["none", "address", "group", "domain", "company"]),
        st.sampled_from(answers),
        st.booleans(),
        st.integers(0, 2),
    )


@st.composite
def arrivals(
    draw: st.DrawFn, answers: Sequence[Any] = (None, "link", "split")
) -> list[list[Event]]:
    """All that is said of a world, in syncs, in an order of chance."""
    world = World()
    for number, kind in enumerate(draw(st.lists(companies(answers), min_size=1, max_size=3)), 1):
        world.company(number, *kind)
    events = draw(st.permutations(world.events))
    cuts = sorted(draw(st.sets(st.integers(1, len(events)), max_size=5)) | {len(events)})
    return [list(events[start:end]) for start, end in zip([0, *cuts], cuts, strict=False)]


def follow(
    syncs: Sequence[Sequence[Event]], losses: frozenset[int] = frozenset()
) -> Iterator[tuple[IdentityFacts, Resolution]]:
    """What is known after each sync, and what is found; before some all that we had is lost."""
    known, events = KnownIdentity(), list[Event]()
    for day, some in enumerate(syncs):
        events += some
        if day in losses:
            known = KnownIdentity()
        facts = tell(events)
        actual = resolve_identities(facts, known)
        known = stored(actual, known, day)
        yield facts, actual


def parts(actual: Resolution) -> dict[str, frozenset[RecordRef]]:
    """Account → its records, whatever it is called."""
    members: dict[str, set[RecordRef]] = {}
    for link in actual.account_links:
        members.setdefault(link.target, set()).add(link.ref)
    return {name: frozenset(refs) for name, refs in members.items()}


def graph(actual: Resolution) -> tuple[Any, ...]:
    """Accounts, people with their accounts, and questions, without the names that we gave."""
    accounts = parts(actual)
    records: dict[str, set[RecordRef]] = {}
    for link in actual.contact_links:
        records.setdefault(link.target, set()).add(link.ref)
    people = {
        (frozenset(records[contact.id]), accounts.get(contact.account_id or ""))
        for contact in actual.contacts
    }
    asked = {
        (contact.ref, frozenset(accounts[c] for c in contact.candidates))
        for contact in actual.conflicts
    }
    return set(accounts.values()), people, asked


@given(arrivals(), st.frozensets(st.integers(1, 5)))
def test_the_graph_and_its_questions_are_those_of_a_fresh_store(
    syncs: list[list[Event]], losses: frozenset[int]
) -> None:
    for facts, actual in follow(syncs, losses):
        assert graph(actual) == graph(resolve_identities(facts))


@given(arrivals(answers=(None, "link")))
def test_the_record_that_founds_an_account_keeps_its_id_until_a_merge(
    syncs: list[list[Event]],
) -> None:
    founded: dict[RecordRef, str] = {}
    for _, actual in follow(syncs):
        account_of = {link.ref: link.target for link in actual.account_links}
        for ref, name in founded.items():
            assert account_of[ref] == actual.merged_accounts.get(name, name)
        founded = {link.ref: link.target for link in actual.account_links if link.rule == "own"}


CLAIMS = [
    account("hubspot", "1", domain="d.example"),
    account("hubspot", "2", domain="d.example"),
    account("stripe", "c", email="x@d.example"),
]


def test_two_companies_and_a_customer_of_one_domain_are_three_in_each_of_six_orders() -> None:
    for order in permutations(CLAIMS):
        *_, (_, actual) = follow([[conflict] for conflict in order])
        assert parts(actual) == {
            conflict.ref.source_id: frozenset({conflict.ref}) for conflict in CLAIMS
        }
        assert {
            str(conflict.ref): conflict.candidates for conflict in actual.conflicts
        } == dict.fromkeys(("hubspot 1", "hubspot 2", "stripe c"), ("1", "2", "c"))


def test_an_id_comes_back_as_often_as_its_domain_is_claimed_twice() -> None:
    first, second, customer = CLAIMS
    known, gone = KnownIdentity(), replace(second, deleted=True)
    for day, facts in enumerate(
        ([customer], [first, customer], CLAIMS, [first, gone, customer], CLAIMS)
    ):
        actual = resolve_identities(IdentityFacts(facts), known)
        known = stored(actual, known, day)
        account_of = {str(link.ref): link.target for link in actual.account_links}
        assert account_of["stripe c"] == "c"
        assert account_of.get("hubspot 1", "1") == ("1" if facts is CLAIMS else "c") or day == 0

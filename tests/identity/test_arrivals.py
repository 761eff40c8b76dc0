"""In whatever order records arrive, and in however many syncs: one graph, the same questions.

A world is made of companies. Each is known to several sources, by its domain, by the domain of
its mail or by its own id; some have two customers of one address, a group that was renamed, or a
record that was merged away, and a person has answered for some of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st

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

Doubt = Literal["none", "address", "group", "domain"]


@dataclass
class World:
    """All that the sources will ever say, and what a person answers."""

    accounts: list[AccountFact] = field(default_factory=list)
    contacts: list[ContactFact] = field(default_factory=list)
    aliases: list[AliasFact] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

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
        elif doubt == "group":
            named = {"name": f"Group {number}"}
            names = [f"{n}{number}" for n in "pq"]
            doubtful = [self._account("posthog", n, external_key=n, **named) for n in names]
        if answer and len(doubtful) > 1:
            self.answers.append(Answer(number, answer, tuple(doubtful)))
        if merged:
            old = self._account("hubspot", f"g{number}", external_key=f"old{number}", deleted=True)
            self.aliases.append(AliasFact(old, "source_account", crm.source_id))
            self._account("intercom", f"i{number}", external_key=f"old{number}")
        for n in range(people):
            email = f"p{n}@{domain}"
            self.contacts.append(ContactFact(RecordRef("zendesk", f"{number}-{n}"), email=email))
            self.contacts.append(
                ContactFact(RecordRef("hubspot", f"{number}-{n}"), email=email.upper())
            )

    def _account(self, source: str, source_id: str, **fields: Any) -> RecordRef:
        self.accounts.append(AccountFact(RecordRef(source, source_id), **fields))
        return self.accounts[-1].ref

    def facts(self, records: Sequence[Any]) -> IdentityFacts:
        """What is known when these have arrived: a merge is told by the record that lives on."""
        refs = {record.ref for record in records}
        return IdentityFacts(
            [one for one in records if isinstance(one, AccountFact)],
            [one for one in records if isinstance(one, ContactFact)],
            aliases=[
                a for a in self.aliases if RecordRef(a.ref.source, a.survivor_source_id) in refs
            ],
            answers=self.answers,
        )


COMPANIES = st.tuples(
    st.booleans(),
    st.sampled_from(["none", "address", "group"]),
    st.sampled_from([None, "link", "split"]),
    st.booleans(),
    st.integers(0, 2),
)
AMBIGUOUS = st.tuples(
    st.just(False), st.just("domain"), st.sampled_from(["link", "split"]), st.booleans(), st.just(0)
)


@st.composite
def arrivals(draw: st.DrawFn, company: st.SearchStrategy[Any]) -> tuple[World, list[list[Any]]]:
    """A world, and its records in syncs, in an order of chance."""
    world = World()
    for number, kind in enumerate(draw(st.lists(company, min_size=1, max_size=3)), 1):
        world.company(number, *kind)
    records = draw(st.permutations([*world.accounts, *world.contacts]))
    cuts = sorted(draw(st.sets(st.integers(1, len(records)), max_size=4)) | {len(records)})
    return world, [list(records[start:end]) for start, end in zip([0, *cuts], cuts, strict=False)]


def step_by_step(world: World, syncs: Sequence[Sequence[Any]]) -> Resolution:
    known, records, found = KnownIdentity(), list[Any](), Resolution()
    for day, some in enumerate(syncs):
        records += some
        found = resolve_identities(world.facts(records), known)
        known = stored(found, known, day)
    return found


def parts(found: Resolution) -> dict[str, frozenset[RecordRef]]:
    """Account → its records, whatever it is called."""
    members: dict[str, set[RecordRef]] = {}
    for link in found.account_links:
        members.setdefault(link.target, set()).add(link.ref)
    return {name: frozenset(refs) for name, refs in members.items()}


def graph(found: Resolution) -> tuple[Any, ...]:
    """Accounts, people with their accounts, and questions, without the names that we gave."""
    accounts = parts(found)
    records: dict[str, set[RecordRef]] = {}
    for link in found.contact_links:
        records.setdefault(link.target, set()).add(link.ref)
    people = {
        (frozenset(records[one.id]), accounts.get(one.account_id or "")) for one in found.contacts
    }
    asked = {(one.ref, frozenset(accounts[c] for c in one.candidates)) for one in found.conflicts}
    return set(accounts.values()), people, asked


@given(arrivals(COMPANIES))
def test_the_graph_and_its_questions_are_those_of_a_fresh_store(
    arrived: tuple[World, list[list[Any]]],
) -> None:
    world, syncs = arrived
    fresh = resolve_identities(world.facts([*world.accounts, *world.contacts]))
    assert graph(step_by_step(world, syncs)) == graph(fresh)


@given(arrivals(AMBIGUOUS))
def test_where_a_domain_leads_to_two_order_plays_no_part_once_it_is_answered(
    arrived: tuple[World, list[list[Any]]],
) -> None:
    """What a domain linked while it was clear stays linked, until a person says otherwise."""
    world, syncs = arrived
    answers, world.answers = world.answers, []
    before = step_by_step(world, syncs)
    doubtful = {one.ref for one in before.conflicts}
    assert all(set(answer.refs) & doubtful for answer in answers)
    world.answers = answers
    after = resolve_identities(
        world.facts([*world.accounts, *world.contacts]), stored(before, KnownIdentity(), 0)
    )
    fresh = resolve_identities(world.facts([*world.accounts, *world.contacts]))
    named = {ref for answer in answers for ref in answer.refs}

    def told(found: Resolution) -> set[frozenset[RecordRef]]:
        return {refs & named for refs in parts(found).values()} - {frozenset()}

    assert told(after) == told(fresh)

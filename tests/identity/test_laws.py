"""What must hold for identity whatever the facts are."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from time import process_time
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.identity import (
    AccountFact,
    AliasFact,
    ContactFact,
    IdentityFacts,
    KnownAccount,
    KnownContact,
    KnownIdentity,
    KnownLink,
    MembershipFact,
    RecordRef,
    Resolution,
    resolve_identities,
)

T = TypeVar("T")
SOURCES = st.sampled_from(["hubspot", "stripe", "zendesk", "posthog"])
IDS = st.sampled_from([str(n) for n in range(6)])
REFS = st.builds(RecordRef, SOURCES, IDS)
DOMAINS = st.sampled_from(["a.example", "b.example", "www.c.example", "gmail.com", None])
EMAILS = st.sampled_from(["x@a.example", "Y@b.example", "z@gmail.com", "w@d.example", None])
WHEN = st.sampled_from([None, datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)])
ACCOUNTS = st.builds(
    AccountFact, ref=REFS, domain=DOMAINS, email=EMAILS, created_at=WHEN, deleted=st.booleans(),
    extra_domains=st.lists(DOMAINS.filter(bool), max_size=2),
    external_key=st.sampled_from([None, None, "k1", "k2", "1"]),
)  # fmt: skip
CONTACTS = st.builds(
    ContactFact, ref=REFS, account_source_id=st.none() | IDS, email=EMAILS, created_at=WHEN,
    extra_emails=st.lists(EMAILS.filter(bool), max_size=2), deleted=st.booleans(),
    external_key=st.sampled_from([None, None, "u1", "u2"]),
)  # fmt: skip
FACTS = st.builds(
    IdentityFacts,
    st.lists(ACCOUNTS, max_size=10, unique_by=lambda fact: fact.ref),
    st.lists(CONTACTS, max_size=8, unique_by=lambda fact: fact.ref),
    st.lists(st.builds(MembershipFact, SOURCES, IDS, IDS, st.booleans()), max_size=4),
    st.lists(
        st.builds(AliasFact, REFS, st.sampled_from(["source_account", "source_contact"]), IDS),
        max_size=3,
        unique_by=lambda alias: (alias.ref, alias.record),
    ),
)
OVERRIDES = st.dictionaries(REFS, st.sampled_from(["k1", "1", "stripe:2", "new"]), max_size=2)


def stored(actual: Resolution, before: KnownIdentity, day: int) -> KnownIdentity:
    """What a store keeps of a resolution: nothing is ever forgotten."""
    seen = datetime(2025, 6, 1, tzinfo=UTC) + timedelta(days=day)
    first = {a.id: a.first_seen_at for a in before.accounts}
    keys = {a.id: a.external_key for a in before.accounts}
    keys |= {a.id: a.external_key for a in actual.accounts}
    accounts = [
        KnownAccount(name, first.get(name, seen), key, actual.merged_accounts.get(name))
        for name, key in keys.items()
    ]
    met = {c.id: c.first_seen_at for c in before.contacts}
    contacts = [KnownContact(c.id, met.get(c.id, seen)) for c in actual.contacts]
    return KnownIdentity(
        accounts,
        [KnownLink(k.ref, k.target, k.rule, k.reason, k.decided_by) for k in actual.account_links],
        contacts,
        [KnownLink(k.ref, k.target, k.rule, k.reason, k.decided_by) for k in actual.contact_links],
    )


@pytest.mark.slow("draws many records")
@given(FACTS, FACTS, OVERRIDES, st.randoms(use_true_random=False))
def test_order_plays_no_part(
    earlier: IdentityFacts, facts: IdentityFacts, overrides: dict[RecordRef, str], rng: Random
) -> None:
    known = stored(resolve_identities(earlier), KnownIdentity(), 0)

    def mixed(values: Sequence[T]) -> list[T]:
        return rng.sample(list(values), len(values))

    shuffled = IdentityFacts(
        mixed(facts.accounts), mixed(facts.contacts), mixed(facts.memberships), mixed(facts.aliases)
    )
    reknown = KnownIdentity(mixed(known.accounts), mixed(known.account_links),
        mixed(known.contacts),
                    mixed(known.contact_links))  # fmt: skip
    assert resolve_identities(shuffled, reknown, overrides) == resolve_identities(
        facts, known, overrides
    )


@given(FACTS, FACTS, OVERRIDES)
def test_resolving_again_changes_nothing(
    earlier: IdentityFacts, facts: IdentityFacts, overrides: dict[RecordRef, str]
) -> None:
    known = stored(resolve_identities(earlier), KnownIdentity(), 0)
    actual = resolve_identities(facts, known, overrides)
    again = resolve_identities(facts, stored(actual, known, 1), overrides)
    assert again.accounts == actual.accounts
    assert again.account_links == actual.account_links
    assert again.contacts == actual.contacts
    assert again.contact_links == actual.contact_links
    assert again.conflicts == actual.conflicts
    assert again.merged_accounts == actual.merged_accounts
    assert again.merged_contacts == {}


@given(FACTS, FACTS)
def test_every_record_has_one_link_and_every_link_an_account(
    earlier: IdentityFacts, facts: IdentityFacts
) -> None:
    known = stored(resolve_identities(earlier), KnownIdentity(), 0)
    actual = resolve_identities(facts, known)
    refs = [link.ref for link in actual.account_links]
    ids = {account.id for account in actual.accounts}
    assert len(refs) == len(set(refs))
    assert {fact.ref for fact in facts.accounts} <= set(refs)
    assert {link.target for link in actual.account_links} == ids
    assert {link.target for link in actual.contact_links} == {c.id for c in actual.contacts}
    assert {c.account_id for c in actual.contacts} <= {*ids, None}
    assert not set(actual.merged_accounts) & ids


@given(FACTS)
def test_two_own_ids_are_never_one_account_unless_a_source_merged_them(
    facts: IdentityFacts,
) -> None:
    actual = resolve_identities(IdentityFacts(facts.accounts))
    account_of = {link.ref: link.target for link in actual.account_links}
    keys: dict[str, set[str]] = {}
    for fact in facts.accounts:
        if fact.external_key:
            keys.setdefault(account_of[fact.ref], set()).add(fact.external_key)
    assert all(len(actual) == 1 for actual in keys.values())


@pytest.mark.slow("resolves twenty thousand records")  # what is resolved is held above
def test_many_records_take_seconds() -> None:
    number = 5_000
    accounts = [
        AccountFact(RecordRef(source, f"{source}-{n}"), domain=f"company-{n}.example",
                    external_key=f"k{n}" if source == "stripe" else None)
        for n in range(number) for source in ("hubspot", "stripe", "zendesk")
    ]  # fmt: skip
    contacts = [ContactFact(RecordRef("zendesk", str(n)), email=f"x@company-{n % number}.example")
                for n in range(number)]  # fmt: skip
    started = process_time()
    actual = resolve_identities(IdentityFacts(accounts, contacts))
    assert process_time() - started < 5
    assert len(actual.accounts) == number
    assert all(person.account_id for person in actual.contacts)

"""People: who is one person, and where they work."""

from datetime import UTC, datetime
from typing import Any

from cs_sync.identity import (
    AccountFact,
    AliasFact,
    ContactFact,
    IdentityFacts,
    KnownContact,
    KnownIdentity,
    KnownLink,
    MembershipFact,
    RecordRef,
    Resolution,
    resolve_identities,
)

ACME = AccountFact(RecordRef("hubspot", "1"), domain="acme.io")
BETA = AccountFact(RecordRef("hubspot", "2"), domain="beta.example")


def contact(source: str, source_id: str, **fields: Any) -> ContactFact:
    return ContactFact(RecordRef(source, source_id), **fields)


def people(resolution: Resolution) -> dict[str, str | None]:
    return {person.id: person.account_id for person in resolution.contacts}


def rules(resolution: Resolution) -> dict[str, tuple[str, str]]:
    return {str(link.ref): (link.target, link.rule) for link in resolution.contact_links}


def test_one_address_in_two_sources_is_one_person() -> None:
    actual = resolve_identities(IdentityFacts([ACME], [
        contact("zendesk", "9", email="ANA@acme.io", name="Ana L"),
        contact("hubspot", "5", email="ana.lopez@acme.io", extra_emails=["ana@acme.io"],
                name="Ana Lopez", role="admin"),
    ]))  # fmt: skip
    assert people(actual) == {"hubspot:5": "1"}
    assert rules(actual) == {"hubspot 5": ("hubspot:5", "own"), "zendesk 9": ("hubspot:5", "email")}
    assert actual.contact_links[1].reason == "Same e-mail address as hubspot 5"
    (ana,) = actual.contacts
    assert (ana.name, ana.email, ana.role) == ("Ana Lopez", "ana.lopez@acme.io", "admin")


def test_our_own_user_id_joins_within_one_account_only() -> None:
    other = AccountFact(RecordRef("posthog", "b"), domain="beta.example")
    actual = resolve_identities(IdentityFacts([ACME, BETA, other], [
        contact("hubspot", "5", external_key="u1", account_source_id="1"),
        contact("hubspot", "6", external_key="u1", account_source_id="1"),
        contact("posthog", "p", external_key="u1", account_source_id="b"),
        contact("posthog", "q", external_key="u1"),
    ]))  # fmt: skip
    assert people(actual) == {"hubspot:5": "1", "posthog:p": "2", "posthog:q": None}
    assert rules(actual)["hubspot 6"] == ("hubspot:5", "external_key")


def test_the_primary_membership_names_the_account() -> None:
    stated = [("5", "2"), ("6", "2"), ("7", "1"), ("7", "2"), ("7", "99")]
    members = [MembershipFact("hubspot", who, where) for who, where in stated]
    members.append(MembershipFact("hubspot", "5", "1", is_primary=True))
    actual = resolve_identities(
        IdentityFacts([ACME, BETA], [contact("hubspot", n) for n in "567"], members)
    )
    assert people(actual) == {"hubspot:5": "1", "hubspot:6": "2", "hubspot:7": None}
    (conflict,) = actual.conflicts
    assert (conflict.kind, conflict.candidates) == ("contact", ("1", "2"))
    assert "its records name 2 accounts" in conflict.reason


def test_the_domain_of_the_address_decides_last_and_only_when_it_is_clear() -> None:
    twin = AccountFact(RecordRef("hubspot", "3"), domain="beta.example")
    actual = resolve_identities(IdentityFacts([ACME, BETA, twin], [
        contact("zendesk", "1", email="x@acme.io"),
        contact("zendesk", "2", email="y@beta.example"),
        contact("zendesk", "3", email="z@gmail.com"),
        contact("zendesk", "4", email="no address"),
    ]))  # fmt: skip
    assert people(actual) == {
        "zendesk:1": "1", "zendesk:2": None, "zendesk:3": None, "zendesk:4": None,
    }  # fmt: skip
    assert [str(c.ref) for c in actual.conflicts if c.kind == "contact"] == ["zendesk 2"]


def test_the_crm_has_the_first_word_on_where_somebody_works() -> None:
    desk = AccountFact(RecordRef("zendesk", "8"), domain="beta.example")
    actual = resolve_identities(IdentityFacts([ACME, BETA, desk], [
        contact("zendesk", "9", email="ana@acme.io", account_source_id="8"),
        contact("hubspot", "5", email="ana@acme.io", account_source_id="1"),
    ]))  # fmt: skip
    assert people(actual) == {"hubspot:5": "1"}


def test_merged_contacts_follow_and_ids_stay() -> None:
    seen = datetime(2025, 1, 1, tzinfo=UTC)
    known = KnownIdentity(
        contacts=[KnownContact("zendesk:9", seen), KnownContact("hubspot:5", seen.replace(day=2))],
        contact_links=[KnownLink(RecordRef("zendesk", "9"), "zendesk:9", "own", "was first"),
                       KnownLink(RecordRef("hubspot", "5"), "hubspot:5", "own", "was first")],
    )  # fmt: skip
    facts = IdentityFacts(
        [ACME],
        [contact("zendesk", "9", email="a@acme.io"), contact("hubspot", "5", email="a@acme.io")],
        aliases=[AliasFact(RecordRef("hubspot", "4"), "source_contact", "5")],
    )
    actual = resolve_identities(facts, known)
    assert people(actual) == {"zendesk:9": "1"}
    assert actual.merged_contacts == {"hubspot:5": "zendesk:9"}
    assert rules(actual)["hubspot 4"] == ("zendesk:9", "alias")


def test_ids_carry_no_personal_data_and_stay_apart() -> None:
    known = KnownIdentity(contacts=[KnownContact("zendesk:9", datetime(2025, 1, 1, tzinfo=UTC))])
    actual = resolve_identities(
        IdentityFacts(contacts=[contact("zendesk", "9", email="a@acme.io")]), known
    )
    assert people(actual) == {"zendesk:9:2": None}

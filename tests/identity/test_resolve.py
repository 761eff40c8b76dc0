"""Every rule of identity once, by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.identity import (
    AccountFact,
    AliasFact,
    Answer,
    ContactFact,
    DomainRules,
    IdentityFacts,
    KnownAccount,
    KnownContact,
    KnownIdentity,
    KnownLink,
    RecordRef,
    Resolution,
    resolve_identities,
)

START = datetime(2025, 1, 1, tzinfo=UTC)


def account(source: str, source_id: str, **fields: Any) -> AccountFact:
    return AccountFact(RecordRef(source, source_id), **fields)


def test_an_instance_founds_accounts_where_its_connector_does() -> None:
    facts = [
        account("posthog", "p", domain="acme.io"),
        account("eu", "h", domain="acme.io", precedence=10),
        account("stripe", "s", domain="acme.io"),
    ]
    [actual] = resolve_identities(IdentityFacts(facts)).accounts
    assert actual.id == "h"


def alias(source: str, old: str, survivor: str, record: str = "source_account") -> AliasFact:
    return AliasFact(RecordRef(source, old), record, survivor)


def remembered(
    resolution: Resolution, before: KnownIdentity | None = None, age: int = 0
) -> KnownIdentity:
    """What the store would hold after this resolution; accounts seen first keep their date."""
    seen = START + timedelta(days=age)
    old = {a.id: a for a in (before or KnownIdentity()).accounts}
    accounts = {a.id: KnownAccount(a.id, seen, a.external_key) for a in resolution.accounts}
    for name, known in old.items():
        key = accounts[name].external_key if name in accounts else known.external_key
        into = resolution.merged_accounts.get(name)
        accounts[name] = KnownAccount(name, known.first_seen_at, key, into)
    return KnownIdentity(
        list(accounts.values()),
        [KnownLink(k.ref, k.target, k.rule, k.reason, k.decided_by)
         for k in resolution.account_links],
        [KnownContact(c.id, seen) for c in resolution.contacts],
        [KnownLink(k.ref, k.target, k.rule, k.reason, k.decided_by)
         for k in resolution.contact_links],
    )  # fmt: skip


def links(resolution: Resolution) -> dict[str, tuple[str, str]]:
    return {str(link.ref): (link.target, link.rule) for link in resolution.account_links}


def test_our_own_account_id_links_across_sources_and_names_the_account() -> None:
    actual = resolve_identities(IdentityFacts([
        account("stripe", "cus_1", external_key="acme", email="bills@gmail.com"),
        account("posthog", "acme", external_key="acme"),
        account("hubspot", "77", external_key=" acme ", domain="acme.io"),
    ]))  # fmt: skip
    assert [a.id for a in actual.accounts] == ["acme"]
    assert {rule for _, rule in links(actual).values()} == {"external_key"}
    assert actual.account_links[0].reason == "Carries our own account id acme"
    assert actual.conflicts == ()


def test_a_domain_links_whatever_its_spelling() -> None:
    actual = resolve_identities(IdentityFacts([
        account("hubspot", "77", domain="https://www.Acme.io/en"),
        account("zendesk", "9", extra_domains=["other.example", "ACME.IO"]),
    ]))  # fmt: skip
    assert links(actual) == {"hubspot 77": ("77", "own"), "zendesk 9": ("77", "domain")}
    assert actual.account_links[1].reason == "Domain acme.io, as hubspot 77"
    assert actual.accounts[0].domain == "acme.io"


def test_the_billing_address_stands_in_for_a_missing_domain_only() -> None:
    actual = resolve_identities(IdentityFacts([
        account("hubspot", "77", domain="acme.io"),
        account("stripe", "cus_1", email="Billing@Acme.io"),
        account("hubspot", "78", domain="client.example", email="books@acme.io"),
    ]))  # fmt: skip
    assert links(actual)["stripe cus_1"] == ("77", "email_domain")
    assert links(actual)["hubspot 78"] == ("78", "own")
    assert actual.conflicts == ()


def test_free_mail_links_nothing_and_is_no_conflict() -> None:
    actual = resolve_identities(IdentityFacts([
        account("stripe", "cus_1", email="ana@gmail.com"),
        account("hubspot", "77", domain="gmail.com"),
        account("zendesk", "9", domain="t-online.de"),
    ]))  # fmt: skip
    assert len(actual.accounts) == 3
    assert actual.conflicts == ()


def test_a_relay_links_nothing_even_where_it_did_before() -> None:
    relay = "privaterelay.appleid.com"
    facts = IdentityFacts([
        account("hubspot", "9", domain=relay),
        account("stripe", "cus_1", email=f"ab@{relay}"),
        account("zendesk", "7", email=f"cd@{relay}", external_key="own"),
    ])  # fmt: skip
    apart = {"hubspot 9": ("9", "own"), "stripe cus_1": ("cus_1", "own"),
             "zendesk 7": ("own", "external_key")}  # fmt: skip
    assert links(resolve_identities(facts)) == apart
    known = KnownIdentity(
        [KnownAccount("9", START)],
        [KnownLink(RecordRef("hubspot", "9"), "9", "own", "was first"),
         KnownLink(RecordRef("stripe", "cus_1"), "9", "email_domain", f"E-mail domain {relay}")],
    )  # fmt: skip
    assert links(resolve_identities(facts, known)) == apart


def test_what_a_workspace_calls_shared_links_nothing() -> None:
    facts = IdentityFacts([
        account("hubspot", "9", domain="relay.example"),
        account("stripe", "cus_1", email="x@relay.example"),
    ])  # fmt: skip
    assert len(resolve_identities(facts).accounts) == 1
    assert len(resolve_identities(facts, rules=DomainRules.of(["relay.example"], [])).accounts) == 2


def test_two_companies_on_one_domain_are_listed_not_guessed() -> None:
    actual = resolve_identities(IdentityFacts([
        account("hubspot", "1", domain="group.example"),
        account("hubspot", "2", domain="group.example"),
        account("stripe", "cus_1", email="pay@group.example"),
    ]))  # fmt: skip
    assert len(actual.accounts) == 3
    assert [str(c.ref) for c in actual.conflicts] == ["hubspot 1", "hubspot 2", "stripe cus_1"]
    assert actual.conflicts[0].candidates == ("1", "2", "cus_1")
    assert "group.example" in actual.conflicts[0].reason
    assert "own account id in hubspot" in actual.conflicts[0].remedy


def test_two_own_ids_on_one_domain_leave_the_third_record_alone() -> None:
    actual = resolve_identities(IdentityFacts([
        account("hubspot", "1", domain="group.example", external_key="north"),
        account("stripe", "cus_2", domain="group.example", external_key="south"),
        account("zendesk", "9", domain="group.example"),
    ]))  # fmt: skip
    assert links(actual) == {
        "hubspot 1": ("north", "external_key"),
        "stripe cus_2": ("south", "external_key"),
        "zendesk 9": ("9", "own"),
    }
    assert [(str(c.ref), c.candidates) for c in actual.conflicts] == [
        ("zendesk 9", ("9", "north", "south"))
    ]


def test_a_record_that_bridges_two_accounts_is_left_out_and_the_rest_links() -> None:
    actual = resolve_identities(IdentityFacts([
        account("hubspot", "1", domain="a.example"),
        account("stripe", "cus_1", domain="a.example"),
        account("hubspot", "2", domain="b.example"),
        account("zendesk", "9", extra_domains=["a.example", "b.example"]),
    ]))  # fmt: skip
    assert links(actual)["stripe cus_1"] == ("1", "domain")
    assert links(actual)["zendesk 9"] == ("9", "own")
    zendesk = next(c for c in actual.conflicts if c.ref.source == "zendesk")
    assert zendesk.candidates == ("1", "2", "9")


def test_a_merged_record_follows_its_survivor_even_when_its_row_is_gone() -> None:
    actual = resolve_identities(IdentityFacts(
        [account("hubspot", "1", name="Acme"), account("hubspot", "2", deleted=True)],
        aliases=[alias("hubspot", "2", "3"), alias("hubspot", "3", "1"),
                 alias("hubspot", "1", "1"), alias("hubspot", "8", "9"),
                 alias("hubspot", "5", "1", record="source_contact")],
    ))  # fmt: skip
    assert links(actual) == {
        "hubspot 1": ("1", "own"),
        "hubspot 2": ("1", "alias"),
        "hubspot 3": ("1", "alias"),
    }
    assert actual.account_links[1].reason == "Merged into hubspot 3 at the source"


MERGED = [alias("hubspot", "9009", "9001")]


@pytest.mark.parametrize("also", ["posthog", "zendesk"])
def test_the_own_id_of_a_merged_company_means_the_survivor(also: str) -> None:
    """Stripe and one more still name the old id, whether the merge came before or after them."""
    theirs = [account("stripe", "cus_1", external_key="old"),
              account(also, "x", external_key="old")]  # fmt: skip
    before = [account("hubspot", "9001", external_key="new"),
              account("hubspot", "9009", external_key="old"), *theirs]  # fmt: skip
    after = [before[0], replace(before[1], deleted=True), *theirs]
    known = remembered(resolve_identities(IdentityFacts(before)))
    assert len(known.accounts) == 2
    for actual in (resolve_identities(IdentityFacts(after, aliases=MERGED)),
                  resolve_identities(IdentityFacts(after, aliases=MERGED), known)):  # fmt: skip
        (first,) = actual.accounts
        assert first.external_key == "new"
        assert "merged into new" in next(
            link.reason for link in actual.account_links if link.ref.source == "stripe"
        )


def test_a_company_without_an_own_id_takes_over_that_of_what_was_merged_into_it() -> None:
    facts = [account("hubspot", "9001"), account("hubspot", "9009", external_key="k", deleted=True),
             account("stripe", "cus_1", external_key="k")]  # fmt: skip
    actual = resolve_identities(IdentityFacts(facts, aliases=MERGED))
    assert {target for target, _ in links(actual).values()} == {"k"}


def test_where_the_id_at_the_source_is_the_own_id_that_of_a_merged_one_is_too() -> None:
    """The merged company is gone from a fresh store; only its id is told by the survivor."""
    facts = [account("hubspot", "9001", external_key="9001"),
             account("stripe", "cus_1", external_key="9009"),
             account("stripe", "cus_2", external_key="9008")]  # fmt: skip
    chain = [*MERGED, alias("hubspot", "9008", "9009")]
    actual = resolve_identities(IdentityFacts(facts, aliases=chain))
    assert {target for target, _ in links(actual).values()} == {"9001"}
    foreign = [replace(facts[0], external_key="acme"), *facts[1:]]
    assert len(resolve_identities(IdentityFacts(foreign, aliases=chain)).accounts) == 3


def test_an_own_id_that_another_company_still_carries_was_not_merged_away() -> None:
    facts = [account("hubspot", "9001", external_key="new"),
             account("hubspot", "9009", external_key="old", deleted=True),
             account("hubspot", "9050", external_key="old"),
             account("stripe", "cus_1", external_key="old")]  # fmt: skip
    actual = links(resolve_identities(IdentityFacts(facts, aliases=MERGED)))
    assert actual["stripe cus_1"][0] == actual["hubspot 9050"][0] == "old"
    assert actual["hubspot 9009"][0] == "new"


def test_a_plugin_overrides_every_rule() -> None:
    facts = IdentityFacts([
        account("hubspot", "1", domain="acme.io", external_key="acme"),
        account("stripe", "cus_1", email="x@acme.io", external_key="acme"),
    ])  # fmt: skip
    actual = resolve_identities(
        facts, overrides={RecordRef("stripe", "cus_1"): "special", RecordRef("gone", "1"): "x"}
    )
    assert links(actual)["stripe cus_1"] == ("special", "override")
    assert links(actual)["hubspot 1"] == ("acme", "external_key")
    assert actual.account_links[1].decided_by == "cs_sync_match"


def test_a_plugin_may_name_an_account_by_key_or_by_the_record_that_founds_it() -> None:
    facts = IdentityFacts([
        account("hubspot", "1", external_key="acme"),
        account("hubspot", "2"),
        account("stripe", "cus_1"),
        account("stripe", "cus_2"),
        account("zendesk", "2"),
    ])  # fmt: skip
    actual = resolve_identities(facts, overrides={RecordRef("stripe", "cus_1"): "acme",
                                      RecordRef("stripe", "cus_2"): "zendesk:2"})  # fmt: skip
    assert links(actual)["stripe cus_1"] == ("acme", "override")
    assert links(actual)["zendesk 2"][0] == links(actual)["stripe cus_2"][0] == "zendesk:2"
    assert links(actual)["hubspot 2"][0] == "2"


def test_ids_are_readable_and_never_given_twice() -> None:
    actual = resolve_identities(IdentityFacts([
        account("zendesk", "12"),
        account("hubspot", "12"),
        account("intercom", "5", external_key="12"),
    ]))  # fmt: skip
    assert {k: v[0] for k, v in links(actual).items()} == {
        "intercom 5": "12", "hubspot 12": "hubspot:12", "zendesk 12": "zendesk:12",
    }  # fmt: skip


def test_an_id_stays_when_a_better_founder_appears() -> None:
    first = resolve_identities(IdentityFacts([account("stripe", "cus_1", email="x@acme.io")]))
    later = [account("stripe", "cus_1", email="x@acme.io"),
             account("hubspot", "77", domain="acme.io", external_key="acme")]  # fmt: skip
    actual = resolve_identities(IdentityFacts(later), remembered(first))
    assert [a.id for a in actual.accounts] == ["cus_1"]
    assert actual.accounts[0].external_key == "acme"


def test_what_a_domain_linked_is_parted_when_a_second_company_claims_it() -> None:
    old = [account("hubspot", "1", domain="acme.io"), account("stripe", "cus_1", email="x@acme.io")]
    first = resolve_identities(IdentityFacts(old))
    second = account("hubspot", "2", domain="acme.io")
    actual = resolve_identities(IdentityFacts([*old, second]), remembered(first))
    assert links(actual) == {
        "hubspot 1": ("1", "own"), "hubspot 2": ("2", "own"), "stripe cus_1": ("cus_1", "own"),
    }  # fmt: skip
    assert [str(c.ref) for c in actual.conflicts] == ["hubspot 1", "hubspot 2", "stripe cus_1"]
    again = resolve_identities(IdentityFacts(old), remembered(actual, remembered(first), 1))
    assert links(again)["stripe cus_1"] == ("1", "email_domain")
    assert again.merged_accounts == {"cus_1": "1"}


@pytest.mark.parametrize("how", ["own id", "answer"])
def test_a_link_by_an_own_id_or_an_answer_stands_when_its_domain_is_claimed_twice(how: str) -> None:
    key = "k" if how == "own id" else None
    old = [account("hubspot", "1", domain="acme.io", external_key=key),
           account("stripe", "cus_1", email="x@acme.io", external_key=key)]  # fmt: skip
    given = Answer(1, "link", (RecordRef("hubspot", "1"), RecordRef("stripe", "cus_1")))
    answers = [given] if how == "answer" else []
    first = resolve_identities(IdentityFacts(old, answers=answers))
    second = account("hubspot", "2", domain="acme.io")
    facts = IdentityFacts([*old, second], answers=answers)
    actual = resolve_identities(facts, remembered(first))
    assert len({links(actual)[ref][0] for ref in ("hubspot 1", "stripe cus_1")}) == 1
    assert "hubspot 2" in {str(conflict.ref) for conflict in actual.conflicts}


def test_a_rebranded_company_keeps_its_records_and_their_reasons() -> None:
    first = resolve_identities(IdentityFacts([account("hubspot", "1", domain="old.example"),
                           account("zendesk", "9", domain="old.example")]))  # fmt: skip
    actual = resolve_identities(IdentityFacts([account("hubspot", "1", domain="new.example"),
                           account("zendesk", "9", domain="old.example")]),
                    remembered(first))  # fmt: skip
    assert actual.account_links == first.account_links


def test_a_key_that_joins_two_accounts_merges_the_younger_into_the_older() -> None:
    young, old = account("hubspot", "1"), account("stripe", "cus_1")
    known = remembered(resolve_identities(IdentityFacts([old])))
    known = remembered(resolve_identities(IdentityFacts([old, young]), known), known, age=5)
    keyed = [
        account("hubspot", "1", external_key="k"),
        account("stripe", "cus_1", external_key="k"),
    ]
    actual = resolve_identities(IdentityFacts(keyed), known)
    assert [a.id for a in actual.accounts] == ["cus_1"]
    assert actual.merged_accounts == {"1": "cus_1"}
    after = remembered(actual, known, age=6)
    assert resolve_identities(IdentityFacts(keyed), after) == actual


def test_own_ids_that_differ_part_what_a_domain_had_joined() -> None:
    first = resolve_identities(IdentityFacts([account("hubspot", "1", domain="a.example"),
                           account("stripe", "cus_1", email="x@a.example")]))  # fmt: skip
    actual = resolve_identities(IdentityFacts([account("hubspot", "1", domain="a.example",
        external_key="north"),
                           account("stripe", "cus_1", email="x@a.example", external_key="south")]),
                    remembered(first))  # fmt: skip
    assert links(actual) == {"hubspot 1": ("1", "external_key"),
                            "stripe cus_1": ("south", "external_key")}  # fmt: skip


def test_an_account_emptied_by_a_plugin_lives_on_where_its_records_went() -> None:
    facts = IdentityFacts([account("hubspot", "1"), account("stripe", "cus_1")])
    actual = resolve_identities(
        facts, remembered(resolve_identities(facts)), {RecordRef("stripe", "cus_1"): "1"}
    )
    assert actual.merged_accounts == {"cus_1": "1"}


def test_a_deleted_record_keeps_its_link_but_its_domain_counts_no_more() -> None:
    both = [account("hubspot", "1", domain="a.example"), account("stripe", "c", domain="a.example")]
    known = remembered(resolve_identities(IdentityFacts(both)))
    gone = account("hubspot", "1", domain="a.example", deleted=True)
    new = account("hubspot", "2", domain="a.example")
    actual = resolve_identities(IdentityFacts([gone, both[1], new]), known)
    assert {target for target, _ in links(actual).values()} == {"1"}


def test_the_crm_describes_the_account_and_the_others_fill_the_gaps() -> None:
    actual = resolve_identities(IdentityFacts([
        account("stripe", "cus_1", name="ACME LTD", external_key="a", created_at=START,
                attributes={"plan": "pro", "region": "DE"}),
        account("hubspot", "1", name="Acme", external_key="a", owner_source_id="o1", is_test=True,
                created_at=START + timedelta(days=2), domain="acme.io",
                attributes={"region": "PL", "size": None}),
    ]))  # fmt: skip
    (acme,) = actual.accounts
    assert (acme.name, acme.owner, acme.domain) == ("Acme", RecordRef("hubspot", "o1"), "acme.io")
    assert acme.attributes == {"plan": "pro", "region": "PL"}
    assert (acme.created_at, acme.is_test) == (START, True)


@pytest.mark.parametrize("word", ["NULL", "null", "N/A", "#N/A", "-", "None", "undefined", "nan"])
def test_a_word_for_no_id_is_no_id(word: str) -> None:
    companies = [account("crm", f"c{n}", external_key=word) for n in range(2)]
    people = [
        ContactFact(RecordRef("crm", f"p{n}"), account_source_id="c0", external_key=word)
        for n in range(2)
    ]
    resolution = resolve_identities(IdentityFacts(companies, contacts=people))
    assert [(a.id, a.external_key) for a in resolution.accounts] == [("c0", None), ("c1", None)]
    assert [c.external_key for c in resolution.contacts] == [None, None]

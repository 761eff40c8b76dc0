"""What a person is asked about accounts, and what each answer comes to."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.identity import (
    AccountFact,
    AliasFact,
    Answer,
    ContactFact,
    IdentityFacts,
    RecordRef,
    Resolution,
    StayFact,
    resolve_identities,
)
from tests.identity.test_resolve import account, links, remembered

H1, C1, C2 = (
    RecordRef("hubspot", "9001"),
    RecordRef("stripe", "cus_1"),
    RecordRef("stripe", "cus_2"),
)
PELICAN = [
    account("hubspot", "9001", domain="pelican.example"),
    account("stripe", "cus_1", email="pay@pelican.example"),
    account("stripe", "cus_2", email="Pay@Pelican.example"),
]
"""A company with two customers of one e-mail address."""
GROUPS = [
    account("posthog", "pelican", external_key="pelican", name="Pelican", domain="p.example"),
    account("posthog", "org_2", external_key="org_2", name=" PELICAN ", domain="p.example"),
    account("stripe", "cus_1", external_key="org_2"),
]
"""A group whose key was changed: the old one is known to nobody else."""


def say(number: int, kind: Any, *refs: RecordRef) -> Answer:
    return Answer(number, kind, refs)


def asked(actual: Resolution) -> dict[str, tuple[str, ...]]:
    return {str(conflict.ref): conflict.candidates for conflict in actual.conflicts}


def parts(actual: Resolution) -> set[frozenset[str]]:
    """The accounts as sets of records."""
    members: dict[str, set[str]] = {}
    for link in actual.account_links:
        members.setdefault(link.target, set()).add(str(link.ref))
    return {frozenset(some) for some in members.values()}


def test_one_e_mail_address_on_two_accounts_is_asked_about() -> None:
    free = [account("stripe", "cus_1", email="ana@gmail.com"),
            account("stripe", "cus_2", email="ANA@gmail.com"),
            account("stripe", "cus_3", email="bob@gmail.com")]  # fmt: skip
    actual = resolve_identities(IdentityFacts(free))
    assert asked(actual) == dict.fromkeys(("stripe cus_1", "stripe cus_2"), ("cus_1", "cus_2"))
    assert actual.conflicts[0].reason == "Its e-mail address is shared by 2 accounts: cus_1, cus_2"
    assert "ana" not in str(actual.conflicts)
    assert "cs-sync accounts link cus_1 cus_2 if they are one company" in actual.conflicts[0].remedy


def test_an_address_and_a_domain_are_one_question_for_a_record() -> None:
    actual = resolve_identities(IdentityFacts(PELICAN))
    assert asked(actual) == dict.fromkeys(
        ("hubspot 9001", "stripe cus_1", "stripe cus_2"), ("9001", "cus_1", "cus_2")
    )
    assert "domain pelican.example" in actual.conflicts[1].reason
    assert "e-mail address" in actual.conflicts[1].reason


def test_own_ids_that_differ_answer_for_one_address_themselves() -> None:
    keyed = [replace(fact, external_key=fact.ref.source_id) for fact in PELICAN]
    assert asked(resolve_identities(IdentityFacts(keyed))) == {}
    half = [PELICAN[1], replace(PELICAN[2], external_key="k", email="ana@gmail.com"),
            account("stripe", "cus_3", email="ana@gmail.com")]  # fmt: skip
    assert set(asked(resolve_identities(IdentityFacts(half)))) == {"stripe cus_2", "stripe cus_3"}


@pytest.mark.parametrize("field", ["domain", "name"])
def test_a_group_that_was_renamed_is_asked_about(field: str) -> None:
    other = {"domain": "name", "name": "domain"}[field]
    hidden: dict[str, Any] = {other: None}
    shown = [replace(fact, **hidden) for fact in GROUPS]
    actual = resolve_identities(IdentityFacts(shown))
    assert asked(actual) == dict.fromkeys(
        ("posthog org_2", "posthog pelican"), ("org_2", "pelican")
    )
    assert field in actual.conflicts[0].reason


def test_two_tenants_of_one_company_that_both_pay_are_no_question() -> None:
    tenants = [*GROUPS, account("stripe", "cus_2", external_key="pelican")]
    assert asked(resolve_identities(IdentityFacts(tenants))) == {}


def test_a_name_that_many_go_by_says_nothing() -> None:
    named = [account("posthog", str(n), external_key=f"k{n}", name="Default") for n in range(6)]
    assert asked(resolve_identities(IdentityFacts(named))) == {}
    assert len(asked(resolve_identities(IdentityFacts(named[:5])))) == 5


def test_an_answer_that_links_makes_one_account_of_them() -> None:
    facts = IdentityFacts(PELICAN, answers=[say(1, "link", C2, H1, C1)])
    actual = resolve_identities(facts)
    assert links(actual) == {
        "hubspot 9001": ("9001", "own"),
        "stripe cus_1": ("9001", "answer"),
        "stripe cus_2": ("9001", "answer"),
    }
    assert actual.account_links[1].decided_by == "a person"
    assert actual.account_links[1].reason == "A person said so (answer 1)"
    assert actual.conflicts == ()
    before = remembered(resolve_identities(IdentityFacts(PELICAN)))
    later = resolve_identities(facts, before)
    assert parts(later) == parts(actual)
    assert set(later.merged_accounts.values()) == {later.accounts[0].id}
    assert resolve_identities(facts, remembered(later, before, 1)) == later


def test_linked_accounts_draw_what_comes_later() -> None:
    desk = account("zendesk", "7", domain="pelican.example")
    actual = resolve_identities(
        IdentityFacts([*PELICAN, desk], answers=[say(1, "link", H1, C1, C2)])
    )
    assert links(actual)["zendesk 7"] == ("9001", "domain")


def test_an_own_id_that_was_linked_means_the_one_named_first() -> None:
    old, new = GROUPS[0].ref, GROUPS[1].ref
    late = account("zendesk", "7", external_key="pelican")
    facts = IdentityFacts([*GROUPS, late], answers=[say(1, "link", new, old)])
    for actual in (
        resolve_identities(facts),
        resolve_identities(facts, remembered(resolve_identities(IdentityFacts(GROUPS)))),
    ):
        (first,) = actual.accounts
        assert first.external_key == "org_2"
        assert actual.conflicts == ()
    assert links(resolve_identities(facts))["posthog pelican"] == ("org_2", "answer")


def test_an_answer_that_parts_closes_the_question_and_keeps_them_apart() -> None:
    facts = IdentityFacts(PELICAN, answers=[say(1, "split", H1, C1, C2)])
    actual = resolve_identities(facts)
    assert len(actual.accounts) == 3
    assert actual.conflicts == ()
    half = resolve_identities(IdentityFacts(PELICAN, answers=[say(1, "split", H1, C2)]))
    assert asked(half)["stripe cus_2"] == ("cus_1", "cus_2")
    assert asked(half)["hubspot 9001"] == ("9001", "cus_1")


def test_a_record_is_parted_from_the_account_that_it_was_in() -> None:
    both = PELICAN[:2]
    known = remembered(resolve_identities(IdentityFacts(both)))
    assert len(known.accounts) == 1
    parted = IdentityFacts(both, answers=[say(1, "split", H1, C1)])
    for actual in (resolve_identities(parted), resolve_identities(parted, known)):
        assert links(actual) == {"hubspot 9001": ("9001", "own"), "stripe cus_1": ("cus_1", "own")}
        assert actual.conflicts == ()
    assert links(resolve_identities(IdentityFacts(both, answers=[say(1, "split", C1, H1)]),
        known)) == {
        "hubspot 9001": ("hubspot:9001", "own"), "stripe cus_1": ("9001", "own"),
    }  # fmt: skip


def test_of_two_records_with_one_own_id_the_first_named_keeps_it() -> None:
    same = [account("hubspot", "801", external_key="f1"), account("hubspot", "920",
            external_key="f1"), account("stripe", "cus_1", external_key="f1")]  # fmt: skip
    facts = IdentityFacts(
        same, answers=[say(1, "split", RecordRef("hubspot", "920"), RecordRef("hubspot", "801"))]
    )
    for actual in (
        resolve_identities(facts),
        resolve_identities(facts, remembered(resolve_identities(IdentityFacts(same)))),
    ):
        assert parts(actual) == {
            frozenset({"hubspot 801"}), frozenset({"hubspot 920", "stripe cus_1"}),
        }  # fmt: skip
        assert links(actual)["stripe cus_1"][0] == "f1"


def test_an_answer_follows_a_merge_at_the_source() -> None:
    facts = [*PELICAN, account("hubspot", "9009", deleted=True)]
    merge = [AliasFact(RecordRef("hubspot", "9009"), "source_account", "9001")]
    actual = resolve_identities(
        IdentityFacts(
            facts, aliases=merge, answers=[say(1, "link", RecordRef("hubspot", "9009"), C1)]
        )
    )
    assert links(actual)["stripe cus_1"] == ("9001", "answer")


def test_a_merge_at_the_source_makes_one_of_what_a_person_had_parted() -> None:
    facts = [account("hubspot", "1"), account("hubspot", "2", deleted=True)]
    merge = [AliasFact(RecordRef("hubspot", "2"), "source_account", "1")]
    answer = say(1, "split", RecordRef("hubspot", "1"), RecordRef("hubspot", "2"))
    assert (
        len(resolve_identities(IdentityFacts(facts, aliases=merge, answers=[answer])).accounts) == 1
    )


def test_of_answers_that_contradict_each_other_the_parting_one_holds() -> None:
    answers = [say(1, "link", H1, C1), say(2, "link", C1, C2), say(3, "split", H1, C2)]
    assert parts(resolve_identities(IdentityFacts(PELICAN, answers=answers))) == {
        frozenset({"hubspot 9001", "stripe cus_1"}), frozenset({"stripe cus_2"}),
    }  # fmt: skip


def test_a_test_account_is_one_whatever_its_records_say() -> None:
    actual = resolve_identities(
        IdentityFacts(PELICAN, answers=[say(1, "test", C1), say(2, "test", RecordRef("gone", "1"))])
    )
    assert {account.id: account.is_test for account in actual.accounts} == {
        "9001": False, "cus_1": True, "cus_2": False,
    }  # fmt: skip


def test_a_question_names_twenty_and_tells_how_many_more() -> None:
    many: list[AccountFact] = [
        account("stripe", f"cus_{n:03}", email="a@gmail.com") for n in range(50)
    ]
    (first, *_) = resolve_identities(IdentityFacts(many)).conflicts
    assert len(first.candidates) == 20
    assert "50 accounts" in first.reason
    assert "and 30 more" in first.reason


OLD, NEW = RecordRef("posthog", "slug"), RecordRef("posthog", "org_7")
RENAMED = [AccountFact(OLD, external_key="slug"), AccountFact(NEW, external_key="org_7")]
"""A group whose key was changed, and nothing else of it is the same."""


def person(number: int, at: RecordRef = NEW) -> ContactFact:
    return ContactFact(RecordRef("posthog", f"u{number}"), account_source_id=at.source_id)


def used(number: int, at: RecordRef, since: int, until: int | None) -> StayFact:
    """Use from one day of February to another."""
    last = date(2026, 2, until) if until else None
    who = RecordRef("posthog", f"u{number}")
    return StayFact(who, at.source_id, "usage_day", date(2026, 2, since), last)


def moved(*numbers: int) -> list[StayFact]:
    """These people used the old one until the 13th and use the new one from the 16th."""
    return [used(n, at, *days) for n in numbers for at, days in ((OLD, (2, 13)), (NEW, (16, 27)))]


def test_a_group_whose_people_are_in_another_one_is_asked_about() -> None:
    facts = IdentityFacts(RENAMED, [person(1), person(2), person(3)], stays=moved(1, 2))
    actual = resolve_identities(facts)
    assert asked(actual) == dict.fromkeys(map(str, (OLD, NEW)), ("org_7", "slug"))
    assert actual.conflicts[0].reason == (
        "Most of its people are shared by 2 accounts: org_7, slug"
    )
    assert "cs-sync accounts link org_7 slug" in actual.conflicts[0].remedy
    linked = resolve_identities(replace(facts, answers=[say(1, "link", NEW, OLD)]))
    assert (len(linked.accounts), linked.conflicts) == (1, ())
    assert asked(resolve_identities(replace(facts, answers=[say(1, "split", NEW, OLD)]))) == {}


def test_an_old_group_that_was_deleted_is_asked_about_too() -> None:
    gone = [replace(RENAMED[0], deleted=True), RENAMED[1]]
    facts = IdentityFacts(gone, [person(1), person(2)], stays=moved(1, 2))
    assert set(asked(resolve_identities(facts))) == {str(OLD), str(NEW)}


def test_people_who_have_not_been_seen_in_the_new_group_yet_have_moved_there() -> None:
    stays = [used(n, OLD, 2, None) for n in (1, 2)]
    facts = IdentityFacts(RENAMED, [person(1), person(2)], stays=stays)
    assert set(asked(resolve_identities(facts))) == {str(OLD), str(NEW)}


@pytest.mark.parametrize(
    ("people", "stays"),
    [
        ([person(1)], moved(1)),
        ([person(n) for n in range(4)], moved(1, 2)),
        ([person(1), person(2), person(3, OLD), person(4, OLD)], moved(1, 2)),
        ([person(1), person(2)], [used(n, at, 2, 27) for n in (1, 2) for at in (OLD, NEW)]),
        ([person(1), person(2)], [*moved(1), used(2, OLD, 2, None), used(2, NEW, 16, 27)]),
    ],
    ids=["one person", "two of four", "as many are left", "in both at once", "one came back"],
)
def test_people_who_did_not_all_move_are_no_question(
    people: list[ContactFact], stays: list[StayFact]
) -> None:
    assert asked(resolve_identities(IdentityFacts(RENAMED, people, stays=stays))) == {}


def test_two_groups_that_other_systems_know_both_are_two_whoever_moves() -> None:
    paying = [account("stripe", f"cus_{item.external_key}", external_key=item.external_key)
              for item in RENAMED]  # fmt: skip
    facts = IdentityFacts([*RENAMED, *paying], [person(1), person(2)], stays=moved(1, 2))
    assert asked(resolve_identities(facts)) == {}
    half = replace(facts, accounts=[*RENAMED, paying[1]])
    assert set(asked(resolve_identities(half))) == {str(OLD), str(NEW)}

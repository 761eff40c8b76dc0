"""Records that meet no other one are resolved once; the result is the same."""

import pytest
from hypothesis import given

from cs_sync.identity import resolve
from cs_sync.identity.facts import AccountFact, IdentityFacts, KnownIdentity, RecordRef
from cs_sync.identity.resolve import resolve_identities
from tests.identity.test_laws import FACTS, OVERRIDES, stored


def record(source: str, name: str, **fields: object) -> AccountFact:
    return AccountFact(RecordRef(source, name), **fields)  # type: ignore[arg-type]


@given(FACTS, FACTS, OVERRIDES)
def test_looking_at_them_again_changes_nothing(
    earlier: IdentityFacts, facts: IdentityFacts, overrides: dict[RecordRef, str]
) -> None:
    known = stored(resolve_identities(earlier), KnownIdentity(), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "find_lone_records", lambda *_: frozenset())
        expected = resolve_identities(facts, known, overrides)
    assert resolve_identities(facts, known, overrides) == expected


def test_only_records_that_share_something_are_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two records have one domain; a third has one of its own."""
    rounds: list[int] = []
    once = resolve._resolve_once

    def count(evidence, known):  # type: ignore[no-untyped-def]
        rounds.append(len(evidence.facts))
        return once(evidence, known)

    monkeypatch.setattr(resolve, "_resolve_once", count)
    accounts = [
        record("crm", "a", domain="a.example"),
        record("billing", "b", domain="a.example"),
        record("crm", "c", domain="c.example"),
    ]
    actual = resolve_identities(IdentityFacts(accounts=accounts))
    assert [account.id for account in actual.accounts] == ["b", "c"]
    assert rounds == [3, 2]

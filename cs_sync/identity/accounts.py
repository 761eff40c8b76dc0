"""One account from its records: the CRM's word first, then the founder's and the others'."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from cs_sync.identity.evidence import Evidence
from cs_sync.identity.facts import AccountFact, Ref
from cs_sync.identity.resolution import ResolvedAccount

T = TypeVar("T")


def describe_account(
    account_id: str, facts: Sequence[AccountFact], evidence: Evidence
) -> ResolvedAccount:
    """The account of these records, which come in founder order.

    Its own id is never that of a record which a merge or a plugin put here against it.
    """
    told = sorted(facts, key=lambda fact: (fact.deleted, fact.owner_source_id is None))
    attributes: dict[str, Any] = {}
    for fact in reversed(told):
        attributes |= {name: value for name, value in fact.attributes.items() if value is not None}
    created = [fact.created_at for fact in facts if fact.created_at]
    return ResolvedAccount(
        id=account_id,
        name=_first(told, lambda fact: fact.name),
        external_key=_first((fact for fact in facts if evidence.free(fact.ref)), evidence.key),
        domain=_first(told, lambda fact: evidence.rules.company_domain(fact.domain)),
        owner=_first(told, _owner),
        attributes=dict(sorted(attributes.items())),
        created_at=min(created, default=None),
        is_test=any(fact.is_test or fact.ref in evidence.answers.tests for fact in facts),
    )


def _owner(fact: AccountFact) -> Ref | None:
    return Ref(fact.ref.source, fact.owner_source_id) if fact.owner_source_id else None


def _first(facts: Iterable[AccountFact], read: Callable[[AccountFact], T | None]) -> T | None:
    return next((value for fact in facts if (value := read(fact))), None)

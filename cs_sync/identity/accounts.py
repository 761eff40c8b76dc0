"""One account merged from its records: the CRM first, then the founder and the others."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from cs_sync.identity.evidence import MatchEvidence
from cs_sync.identity.facts import AccountFact, RecordRef
from cs_sync.identity.resolution import ResolvedAccount

T = TypeVar("T")


def build_account(
    account_id: str, facts: Sequence[AccountFact], evidence: MatchEvidence
) -> ResolvedAccount:
    """Build the account of these records.

    Its own id is never that of a record merged here at the source or overridden by a
    plugin; and what a record said that was merged into another one of them, that one says.

    Args:
        account_id: The id of the account.
        facts: Its records in founder order.
        evidence: The account records and everything known about them.
    """
    own = {fact.ref for fact in facts}
    standing = [fact for fact in facts if evidence.survivors.get(fact.ref) not in own]
    ordered = sorted(standing, key=lambda fact: (fact.deleted, fact.owner_source_id is None))
    attributes: dict[str, Any] = {}
    for fact in reversed(ordered):
        attributes |= {name: value for name, value in fact.attributes.items() if value is not None}
    created = [fact.created_at for fact in facts if fact.created_at]
    return ResolvedAccount(
        id=account_id,
        name=_get_first_value(ordered, lambda fact: fact.name),
        external_key=_get_first_value(
            (fact for fact in facts if evidence.is_independent(fact.ref)), evidence.key
        ),
        domain=_get_first_value(
            ordered, lambda fact: evidence.rules.to_company_domain(fact.domain)
        ),
        owner=_get_first_value(ordered, _get_owner),
        attributes=dict(sorted(attributes.items())),
        created_at=min(created, default=None),
        records=tuple(fact.ref for fact in ordered),
        is_test=any(fact.is_test or fact.ref in evidence.answers.tests for fact in facts),
    )


def _get_owner(fact: AccountFact) -> RecordRef | None:
    return RecordRef(fact.ref.source, fact.owner_source_id) if fact.owner_source_id else None


def _get_first_value(
    facts: Iterable[AccountFact], read: Callable[[AccountFact], T | None]
) -> T | None:
    return next((value for fact in facts if (value := read(fact))), None)

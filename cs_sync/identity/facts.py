"""Input of identity resolution: light facts of source records, and earlier decisions."""

from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from cs_sync.identity.precedence import LAST_PRECEDENCE


class RecordRef(NamedTuple):
    """The natural key of a source record."""

    source: str
    source_id: str

    def __str__(self) -> str:
        return f"{self.source} {self.source_id}"


class AccountFact(Struct, frozen=True):
    """The identifying fields of a `source_account` row; `deleted` marks a soft-deleted one."""

    ref: RecordRef
    name: str | None = None
    domain: str | None = None
    extra_domains: Sequence[str] = ()
    external_key: str | None = None
    email: str | None = None
    owner_source_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    is_test: bool = False
    deleted: bool = False
    precedence: int = LAST_PRECEDENCE
    """Of its source; the lowest comes first."""


class ContactFact(Struct, frozen=True):
    """The identifying fields of a `source_contact` row."""

    ref: RecordRef
    account_source_id: str | None = None
    email: str | None = None
    extra_emails: Sequence[str] = ()
    external_key: str | None = None
    name: str | None = None
    role: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted: bool = False
    precedence: int = LAST_PRECEDENCE


class MembershipFact(Struct, frozen=True):
    """The membership of a contact in an account, both of one source."""

    source: str
    contact_source_id: str
    account_source_id: str
    is_primary: bool = False


class StayFact(Struct, frozen=True):
    """What one table shows of a contact at an account of its source: from when, until when.

    Times of one table are comparable; `last` is None if the contact is still there.
    """

    contact: RecordRef
    account_source_id: str
    table: str
    first: date
    last: date | None


class AliasFact(Struct, frozen=True):
    """A merge of a record into another one of the same source; `record` is their table."""

    ref: RecordRef
    record: str
    survivor_source_id: str


class Answer(Struct, frozen=True):
    """A person's answer: these records are one account, several, or test accounts."""

    number: int
    kind: Literal["link", "split", "test"]
    refs: tuple[RecordRef, ...]
    reason: str | None = None


class KnownAccount(Struct, frozen=True):
    """A stored account; ids are kept for ever, merged ones as aliases."""

    id: str
    first_seen_at: datetime
    external_key: str | None = None
    merged_into: str | None = None


class KnownContact(Struct, frozen=True):
    """A stored contact."""

    id: str
    first_seen_at: datetime


class KnownLink(Struct, frozen=True):
    """An earlier decision about a record; `target` is an account id or a contact id."""

    ref: RecordRef
    target: str
    rule: str
    reason: str
    decided_by: str = "cs-sync"


class IdentityFacts(Struct, frozen=True):
    """All facts of sources and people; one record can change the meaning of others."""

    accounts: Sequence[AccountFact] = ()
    contacts: Sequence[ContactFact] = ()
    memberships: Sequence[MembershipFact] = ()
    aliases: Sequence[AliasFact] = ()
    answers: Sequence[Answer] = ()
    stays: Sequence[StayFact] = ()
    """Of contacts that some table shows at another account than their current one."""


class KnownIdentity(Struct, frozen=True):
    """The earlier decisions, as stored."""

    accounts: Sequence[KnownAccount] = ()
    account_links: Sequence[KnownLink] = ()
    contacts: Sequence[KnownContact] = ()
    contact_links: Sequence[KnownLink] = ()


def leave_out_attributes(
    facts: IdentityFacts, names: Set[str]
) -> tuple[IdentityFacts, Sequence[str]]:
    """Return the facts without some attributes, and those found."""
    present = {name for fact in facts.accounts for name in fact.attributes.keys() & names}
    if not present:
        return facts, ()
    accounts = [
        replace(fact, attributes={n: v for n, v in fact.attributes.items() if n not in names})
        for fact in facts.accounts
    ]
    return replace(facts, accounts=accounts), sorted(present)

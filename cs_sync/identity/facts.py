"""What identity is decided from: light facts of the source records, and what is known already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple


class Ref(NamedTuple):
    """The natural key of a source record."""

    source: str
    source_id: str

    def __str__(self) -> str:
        return f"{self.source} {self.source_id}"


@dataclass(frozen=True, slots=True)
class AccountFact:
    """What a `source_account` row says about who it is; `deleted` is its tombstone."""

    ref: Ref
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
    connector: str | None = None
    """What its source is an instance of; None: of the connector of its own name."""


@dataclass(frozen=True, slots=True)
class ContactFact:
    """What a `source_contact` row says about who it is."""

    ref: Ref
    account_source_id: str | None = None
    email: str | None = None
    extra_emails: Sequence[str] = ()
    external_key: str | None = None
    name: str | None = None
    role: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted: bool = False
    connector: str | None = None


@dataclass(frozen=True, slots=True)
class MembershipFact:
    """A contact belongs to an account, both of one source."""

    source: str
    contact_source_id: str
    account_source_id: str
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class AliasFact:
    """A record lives on in another one of the same source; `record` is the table of both."""

    ref: Ref
    record: str
    survivor_source_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said: these records are one account, are several, or are test accounts."""

    number: int
    kind: Literal["link", "split", "test"]
    refs: tuple[Ref, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account that has an id already: ids are kept for ever, merged ones as aliases."""

    id: str
    first_seen_at: datetime
    external_key: str | None = None
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A contact that has an id already."""

    id: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class KnownLink:
    """What was decided about a record before; `target` is an account id or a contact id."""

    ref: Ref
    target: str
    rule: str
    reason: str
    decided_by: str = "cs-sync"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that sources and people say; one record can change what others mean."""

    accounts: Sequence[AccountFact] = ()
    contacts: Sequence[ContactFact] = ()
    memberships: Sequence[MembershipFact] = ()
    aliases: Sequence[AliasFact] = ()
    answers: Sequence[Answer] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What was decided before, as it is stored."""

    accounts: Sequence[KnownAccount] = ()
    account_links: Sequence[KnownLink] = ()
    contacts: Sequence[KnownContact] = ()
    contact_links: Sequence[KnownLink] = ()

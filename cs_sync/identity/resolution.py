"""Result of identity resolution: accounts, contacts, links with reasons, and conflicts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from cs_sync.identity.facts import RecordRef


class ResolvedAccount(Struct, frozen=True):
    """One account with the best values of its records.

    `owner` is the key of an owner record; `records` are its own, those first whose values count.
    """

    id: str
    name: str | None
    external_key: str | None
    domain: str | None
    owner: RecordRef | None
    attributes: Mapping[str, Any]
    created_at: datetime | None
    is_test: bool
    records: tuple[RecordRef, ...] = ()


class ResolvedContact(Struct, frozen=True):
    """One person; `account_id` is None if unknown or ambiguous.

    `place` is the account's record behind the assignment; `stated` is true if a source
    named it, false if an e-mail domain did; `since` is the last change of the person's
    records there. `doubted` has the accounts that share an e-mail domain of the person: whom
    that domain placed at one of them was never known to be there.
    """

    id: str
    account_id: str | None
    email: str | None
    external_key: str | None
    name: str | None
    role: str | None
    place: RecordRef | None = None
    stated: bool = False
    since: datetime | None = None
    doubted: frozenset[str] = frozenset()


class ResolvedLink(Struct, frozen=True):
    """A link from a record to an account or contact, with its rule and reason.

    Rules of accounts: own, external_key, domain, email_domain, alias, answer, override; of
    contacts: own, external_key, email, alias.
    """

    ref: RecordRef
    target: str
    rule: str
    reason: str
    decided_by: str = "cs-sync"


class Conflict(Struct, frozen=True):
    """An ambiguous record, left unlinked because it could belong to several accounts."""

    kind: Literal["account", "contact"]
    ref: RecordRef
    candidates: tuple[str, ...]
    reason: str
    remedy: str


class Resolution(Struct, frozen=True):
    """The whole identity graph in a fixed order; `merged_*` map an old id to its survivor."""

    accounts: tuple[ResolvedAccount, ...] = ()
    account_links: tuple[ResolvedLink, ...] = ()
    merged_accounts: Mapping[str, str] = field(default_factory=dict)
    contacts: tuple[ResolvedContact, ...] = ()
    contact_links: tuple[ResolvedLink, ...] = ()
    merged_contacts: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    nobodys: frozenset[RecordRef] = frozenset()
    """Records that show nobody's domains only: whom such a domain placed there was never there."""

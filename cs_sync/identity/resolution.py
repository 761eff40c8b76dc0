"""What identity decides: accounts, contacts, the links to them with reasons, and conflicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cs_sync.identity.facts import Ref


@dataclass(frozen=True, slots=True)
class ResolvedAccount:
    """One account with the best that its records know; `owner` is an owner record's key."""

    id: str
    name: str | None
    external_key: str | None
    domain: str | None
    owner: Ref | None
    attributes: Mapping[str, Any]
    created_at: datetime | None
    is_test: bool


@dataclass(frozen=True, slots=True)
class ResolvedContact:
    """One person; `account_id` is None when nothing tells, or when two accounts are as likely.

    `place` is the account's record by which it is known, `stated` by a source and not by an
    e-mail domain; the person's records last changed there at `since`.
    """

    id: str
    account_id: str | None
    email: str | None
    external_key: str | None
    name: str | None
    role: str | None
    place: Ref | None = None
    stated: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResolvedLink:
    """This record is that account (or contact): by this rule, for this reason in words.

    Rules of accounts: own, external_key, domain, email_domain, alias, answer, override; of
    contacts: own, external_key, email, alias.
    """

    ref: Ref
    target: str
    rule: str
    reason: str
    decided_by: str = "cs-sync"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record that could belong to several accounts and was therefore left alone."""

    kind: Literal["account", "contact"]
    ref: Ref
    candidates: tuple[str, ...]
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """The whole graph, everything in a fixed order; `merged_*` map an old id to its survivor."""

    accounts: tuple[ResolvedAccount, ...] = ()
    account_links: tuple[ResolvedLink, ...] = ()
    merged_accounts: Mapping[str, str] = field(default_factory=dict)
    contacts: tuple[ResolvedContact, ...] = ()
    contact_links: tuple[ResolvedLink, ...] = ()
    merged_contacts: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    nobodys: frozenset[Ref] = frozenset()
    """Records that show nobody's domains only: whom such a domain placed there was never there."""

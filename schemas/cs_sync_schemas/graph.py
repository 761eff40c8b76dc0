"""The identity graph: the accounts and contacts of the sources' records, and why."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.times import Instant


class Account(StoredRow, table=True):
    """The organisation we bill and care for: the unit of every metric."""

    __tablename__ = "account"

    id: str = Field(primary_key=True)
    name: str | None = None
    external_key: str | None = None
    domain: str | None = None
    owner_source: str | None = None
    owner_source_id: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime | None = Field(default=None, sa_type=Instant)
    is_test: bool = False
    merged_into: str | None = Field(default=None, description="Alias: the account it lives on in.")
    first_seen_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class AccountAttribute(StoredRow, table=True):
    """The value of one account attribute in `[valid_from, valid_to)`.

    Bitemporal: known in `[known_from, known_to)`.
    """

    __tablename__ = "account_attribute"

    account_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    valid_from: datetime = Field(primary_key=True, sa_type=Instant)
    known_from: datetime = Field(
        primary_key=True, sa_type=Instant, description="When a sync first saw it."
    )
    valid_to: datetime | None = Field(default=None, sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)
    value: str = Field(description="As text; true and false in small letters.")
    derived: bool = Field(default=False, description="From what is paid; no source says it.")


class AccountLink(StoredRow, table=True):
    """The account of a source record, with the matching rule and its date."""

    __tablename__ = "account_link"

    source: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    rule: str = Field(
        description="own, external_key, domain, email_domain, alias, answer, override"
    )
    reason: str = Field(description="In words, with the matching value.")
    decided_by: str = Field(default="cs-sync")
    since: datetime = Field(sa_type=Instant)


class Contact(StoredRow, table=True):
    """A person at an account."""

    __tablename__ = "contact"

    id: str = Field(primary_key=True)
    account_id: str | None = Field(default=None, index=True)
    email: str | None = None
    external_key: str | None = None
    name: str | None = None
    role: str | None = None
    first_seen_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class ContactLink(StoredRow, table=True):
    """The contact of a source record, with the matching rule and its date."""

    __tablename__ = "contact_link"

    source: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    contact_id: str = Field(index=True)
    rule: str = Field(description="own, external_key, email, alias, override")
    reason: str
    decided_by: str = Field(default="cs-sync")
    since: datetime = Field(sa_type=Instant)


class ContactAccount(StoredRow, table=True):
    """A person's account in `[valid_from, valid_to)`, by the account record that shows it.

    A person's answers and actions belong to the account of their time.
    """

    __tablename__ = "contact_account"

    contact_id: str = Field(primary_key=True)
    valid_from: datetime = Field(primary_key=True, sa_type=Instant)
    valid_to: datetime | None = Field(default=None, sa_type=Instant)
    day_from: date = Field(description="The same for what is known by the day.")
    day_to: date | None = None
    source: str
    account_source_id: str
    stated: bool = Field(description="By a source; false when an e-mail domain led there.")
    changed_at: datetime = Field(sa_type=Instant)

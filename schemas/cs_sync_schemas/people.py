"""Accounts, contacts and owners as the sources know them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.record import Record
from cs_sync_schemas.times import Instant


class SourceAccount(Record, table=True):
    """An organisation as one source knows it: a company, a customer, a group."""

    __tablename__ = "source_account"

    name: str | None = None
    domain: str | None = Field(default=None, index=True)
    extra_domains: list[str] = Field(default_factory=list, sa_type=JSON)
    external_key: str | None = Field(
        default=None, index=True, description="The company's own id of the account."
    )
    email: str | None = Field(default=None, description="Billing or main address.")
    owner_source_id: str | None = None
    attributes: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSON, description="plan, industry, region, size, …"
    )
    created_at: datetime | None = Field(default=None, sa_type=Instant)
    last_contacted_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Last logged call, e-mail or meeting with it."
    )
    is_test: bool = False
    url: str | None = Field(default=None, description="Where a person can open it.")


class SourceContact(Record, table=True):
    """A person as one source knows them."""

    __tablename__ = "source_contact"

    account_source_id: str | None = Field(default=None, index=True)
    email: str | None = Field(default=None, index=True)
    extra_emails: list[str] = Field(default_factory=list, sa_type=JSON)
    external_key: str | None = Field(default=None, description="The company's own user id.")
    name: str | None = None
    role: str | None = None
    created_at: datetime | None = Field(default=None, sa_type=Instant)


class Membership(Record, table=True):
    """One contact belongs to one account; a contact may belong to several."""

    __tablename__ = "membership"

    contact_source_id: str = Field(index=True)
    account_source_id: str = Field(index=True)
    is_primary: bool = False


class Owner(Record, table=True):
    """A colleague of ours who looks after accounts."""

    __tablename__ = "owner"

    name: str | None = None
    email: str | None = None
    is_active: bool = True


class Alias(Record, table=True):
    """An id that lives on in another one after a merge at the source (`source_id` → survivor)."""

    __tablename__ = "alias"

    record: str = Field(description="Table of the merged record, e.g. source_account.")
    survivor_source_id: str = Field(index=True)

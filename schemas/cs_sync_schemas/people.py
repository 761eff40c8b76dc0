"""Accounts, contacts and owners as the sources know them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.record import Record
from cs_sync_schemas.times import Instant
from cs_sync_schemas.values import ATTRIBUTE_PREFIX, CONTACT_FIELD, OWNER_FIELD


class SourceAccount(Record, table=True):
    """An organisation as one source knows it: a company, a customer, a group."""

    __tablename__ = "source_account"

    name: str | None = None
    domain: str | None = None
    extra_domains: list[str] = Field(default_factory=list, sa_type=JSON)
    external_key: str | None = Field(
        default=None, description="The company's own id of the account."
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


class AccountChange(Record, table=True):
    """A value that a field of a source's account had from a time on; it never changes itself.

    It is how a source tells of the time before it was first read.
    """

    __tablename__ = "account_change"

    account_source_id: str = Field(index=True)
    field: str = Field(description="owner_source_id, last_contacted_at, or attr.NAME.")
    value: str | None = Field(default=None, description="None: it was emptied.")
    happened_at: datetime = Field(sa_type=Instant, description="When the source took it on.")
    value_at: datetime | None = Field(
        default=None, sa_type=Instant, description="The value of last_contacted_at."
    )

    @classmethod
    def rule(cls, row: Mapping[str, Any]) -> str | None:
        """Require a field that has a past."""
        name = row["field"]
        is_attribute = name.startswith(ATTRIBUTE_PREFIX) and name != ATTRIBUTE_PREFIX
        if name not in (OWNER_FIELD, CONTACT_FIELD) and not is_attribute:
            return f"{name!r} is not owner_source_id, last_contacted_at or attr.NAME"
        if name == CONTACT_FIELD and row["value"] is not None:
            return "give last_contacted_at in value_at, not in value"
        return None


class SourceContact(Record, table=True):
    """A person as one source knows them."""

    __tablename__ = "source_contact"

    account_source_id: str | None = Field(default=None, index=True)
    email: str | None = None
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

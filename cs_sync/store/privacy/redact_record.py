"""Redaction of records: which fields are about a person, and the record without them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct

from cs_sync.contracts.source import Page, Rejection, Row, get_received
from cs_sync.identity.domains import DEFAULT_RULES, normalise_email
from cs_sync.store.privacy.suppression import SuppressionList
from cs_sync_schemas import (
    Alias,
    Owner,
    Record,
    SourceAccount,
    SourceContact,
    SurveyResponse,
    Ticket,
)

PERSONAL_FIELDS: Mapping[type[Record], tuple[str, ...]] = {
    SourceContact: ("email", "extra_emails", "external_key", "name", "role"),
    Ticket: ("subject",),
    SurveyResponse: ("comment",),
}
"""Fields that are emptied when the person of the record is forgotten."""

WITHHELD_REASON = "withheld: it is about somebody who asked to be forgotten"


class RecordRedactor(Struct, frozen=True):
    """Redacts suppressed people in the records of one source; pure."""

    suppressed: SuppressionList
    source: str

    def row(self, record: type[Record], row: Row) -> dict[str, Any]:
        """Redact a row for storage.

        Counts and references stay, personal data does not. Owners are colleagues and stay
        unchanged.
        """
        row = {**row, "raw": get_received(row)} if "raw" in row else row
        if record is Owner:
            return dict(row)
        if record is SourceContact:
            person, stands = row.get("source_id"), self._contact(row.get("source_id"))
        else:
            person = row.get("contact_source_id")
            stands = self._contact(person)
        redacted = (
            dict(row) if stands is None else self._redact_row(record, row, str(person), stands)
        )
        if record is Alias and row.get("record") == SourceContact.__tablename__:
            redacted |= {
                name: self._contact(row[name]) or row[name] for name in _ALIAS_FIELDS if name in row
            }
        if (
            record is SourceAccount
            and is_person_account(row)
            and self.suppressed.mentions([row.get("email"), row.get("source_id")])
        ):
            redacted["name"] = None
            redacted |= {"raw": None} if row.get("raw") is not None else {}
        erased: dict[str, Any] = self.suppressed.value(redacted)
        return erased

    def page(self, page: Page) -> Page:
        """Return the page for storage."""
        return replace(
            page,
            records={
                record: [self.row(record, row) for row in rows]
                for record, rows in page.records.items()
            },
            deleted={record: list(self._ids(ids)) for record, ids in page.deleted.items()},
            rejected=[self.rejection(rejection) for rejection in page.rejected],
        )

    def rejection(self, rejection: Rejection) -> Rejection:
        """Return the rejection for storage, without data about the person."""
        if rejection.record is Owner or not self.mentions_person(
            rejection.source_id, rejection.raw
        ):
            return replace(rejection, reason=self.suppressed.text(rejection.reason))
        source_id = rejection.source_id
        if source_id is not None:
            source_id = self._contact(source_id) or self.suppressed.text(source_id)
        return replace(rejection, source_id=source_id, reason=WITHHELD_REASON, raw=None)

    def mentions_person(self, *values: Any) -> bool:
        """Return whether these values contain a suppressed address or contact id."""
        return any(
            self.suppressed.mentions(leaf) or self._contact(leaf) is not None
            for value in values
            for leaf in _iterate_leaves(value)
        )

    def find_unknown_ids(self, page: Page) -> list[str]:
        """Return the new ids of the page's contacts with a suppressed address."""
        return [
            str(row["source_id"])
            for row in page.records.get(SourceContact, ())
            if self._contact(row.get("source_id")) is None
            and self.suppressed.mentions([row.get("email"), row.get("extra_emails")])
        ]

    def _contact(self, source_id: Any) -> str | None:
        return self.suppressed.contact(self.source, source_id)

    def _redact_row(
        self, record: type[Record], row: Row, person: str, stands: str
    ) -> dict[str, Any]:
        """Return a suppressed contact's row without personal data, its id replaced."""
        erased = {**row, "raw": None} if row.get("raw") is not None else dict(row)
        erased |= {name: None for name in PERSONAL_FIELDS.get(record, ()) if name in row}
        if record is SourceContact and row.get("email"):
            erased["email"] = self.suppressed.address(str(row["email"]))
        if "contact_source_id" in row:
            erased["contact_source_id"] = stands
        if "source_id" in row:
            erased["source_id"] = _replace_contact_id(str(row["source_id"]), person, stands)
        return erased

    def _ids(self, ids: Sequence[str]) -> Iterator[str]:
        for source_id in ids:
            yield self._contact(source_id) or self.suppressed.text(source_id)


def is_person_account(row: Mapping[str, Any]) -> bool:
    """Return whether an account is a person.

    It has a private address, or an address instead of an id.
    """
    email = row.get("email")
    private = (
        isinstance(email, str) and DEFAULT_RULES.to_company_domain(email.rpartition("@")[2]) is None
    )
    return private or normalise_email(str(row.get("source_id") or "")) is not None


_ALIAS_FIELDS = ("source_id", "survivor_source_id")


def _replace_contact_id(source_id: str, person: str, stands: str) -> str:
    """Replace the contact's id in a row's id as a word.

    Sources build the ids of days and memberships from it.
    """
    return re.sub(rf"(?<!\w){re.escape(person)}(?!\w)", lambda _: stands, source_id)


def _iterate_leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield key
            yield from _iterate_leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _iterate_leaves(part)
    elif value is not None:
        yield value

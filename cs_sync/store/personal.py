"""Which parts of a record are about a person, and the record without them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cs_sync.contracts.source import Page, Rejection, Row
from cs_sync.identity.domains import BUILT_IN, email_of
from cs_sync.store.suppression import Suppressed
from cs_sync_schemas import (
    Alias,
    Owner,
    Record,
    SourceAccount,
    SourceContact,
    SurveyResponse,
    Ticket,
)

PERSONAL: Mapping[type[Record], tuple[str, ...]] = {
    SourceContact: ("email", "extra_emails", "external_key", "name", "role"),
    Ticket: ("subject",),
    SurveyResponse: ("comment",),
}
"""Fields that are emptied when the person of the record is forgotten."""

ERASED = "withheld: it is about somebody who asked to be forgotten"


@dataclass(frozen=True, slots=True)
class Eraser:
    """Takes suppressed people out of the records of one source; pure."""

    suppressed: Suppressed
    source: str

    def row(self, record: type[Record], row: Row) -> dict[str, Any]:
        """The row as it may be stored: counts and references stay, the person does not.

        Owners are colleagues and stay as they are.
        """
        if record is Owner:
            return dict(row)
        if record is SourceContact:
            person, stands = row.get("source_id"), self._contact(row.get("source_id"))
        else:
            person = row.get("contact_source_id")
            stands = self._contact(person)
        kept = dict(row) if stands is None else self._without(record, row, str(person), stands)
        if record is Alias and row.get("record") == SourceContact.__tablename__:
            kept |= {name: self._contact(row[name]) or row[name] for name in _MERGED if name in row}
        if (
            record is SourceAccount
            and is_one_person(row)
            and self.suppressed.mentions([row.get("email"), row.get("source_id")])
        ):
            kept["name"] = None
            kept |= {"raw": None} if row.get("raw") is not None else {}
        erased: dict[str, Any] = self.suppressed.value(kept)
        return erased

    def page(self, page: Page) -> Page:
        """A page as it may be stored."""
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
        """A rejection as it may be stored: without what was received, if that tells of a person."""
        if rejection.record is Owner or not self.tells_of(rejection.source_id, rejection.raw):
            return replace(rejection, reason=self.suppressed.text(rejection.reason))
        source_id = rejection.source_id
        if source_id is not None:
            source_id = self._contact(source_id) or self.suppressed.text(source_id)
        return replace(rejection, source_id=source_id, reason=ERASED, raw=None)

    def tells_of(self, *values: Any) -> bool:
        """Whether a suppressed address or contact id stands anywhere in these values."""
        return any(
            self.suppressed.mentions(leaf) or self._contact(leaf) is not None
            for value in values
            for leaf in _leaves(value)
        )

    def unknown_ids(self, page: Page) -> list[str]:
        """Contacts of the page that carry a suppressed address under an id not known yet."""
        return [
            str(row["source_id"])
            for row in page.records.get(SourceContact, ())
            if self._contact(row.get("source_id")) is None
            and self.suppressed.mentions([row.get("email"), row.get("extra_emails")])
        ]

    def _contact(self, source_id: Any) -> str | None:
        return self.suppressed.contact(self.source, source_id)

    def _without(self, record: type[Record], row: Row, person: str, stands: str) -> dict[str, Any]:
        """The row of a suppressed contact without what is about them; its id stands in theirs."""
        erased = {**row, "raw": None} if row.get("raw") is not None else dict(row)
        erased |= {name: None for name in PERSONAL.get(record, ()) if name in row}
        if record is SourceContact and row.get("email"):
            erased["email"] = self.suppressed.address(str(row["email"]))
        if "contact_source_id" in row:
            erased["contact_source_id"] = stands
        if "source_id" in row:
            erased["source_id"] = _standing_in(str(row["source_id"]), person, stands)
        return erased

    def _ids(self, ids: Sequence[str]) -> Iterator[str]:
        for source_id in ids:
            yield self._contact(source_id) or self.suppressed.text(source_id)


def is_one_person(row: Mapping[str, Any]) -> bool:
    """Return whether an account is a person, so that its name is theirs.

    It has a private address, or goes by an address instead of an id.
    """
    email = row.get("email")
    private = isinstance(email, str) and BUILT_IN.company_domain(email.rpartition("@")[2]) is None
    return private or email_of(str(row.get("source_id") or "")) is not None


_MERGED = ("source_id", "survivor_source_id")


def _standing_in(source_id: str, person: str, stands: str) -> str:
    """The id of a row with the contact's id in it replaced, where it stands as a word of its own:
    sources build ids of days and memberships from it.
    """
    return re.sub(rf"(?<!\w){re.escape(person)}(?!\w)", lambda _: stands, source_id)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield key
            yield from _leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    elif value is not None:
        yield value

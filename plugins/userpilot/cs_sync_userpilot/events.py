"""From exported events to use of the product, and to people and companies; pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cs_sync import ExportSpan, MappingError, Row, UsedEvent

Facts = dict[str, dict[str, tuple[datetime, Any]]]
"""Id → name → when it was said last, and what."""

COMPANY = "company_id"
_OWN_FIELDS = frozenset({"name", "domain", "email", "created_at", "is_test"})


@dataclass(frozen=True, slots=True)
class EventReader:
    """Reads exported events; what identifications say is collected, the latest word counts."""

    span: ExportSpan
    usage: Collection[str]
    features: Mapping[str, str]
    people: Facts = field(default_factory=dict)
    companies: Facts = field(default_factory=dict)
    employers: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """Person → when they were last seen, and in which company."""

    def read(self, raw: Any) -> Iterator[UsedEvent]:
        """Yield the use that an event tells of, if it does.

        Raises:
            MappingError: It has no usable time or person, or is of another day.
        """
        kind, at = raw["event_type"], parse_time(raw["inserted_at"])
        if not self.span.wants(at):
            return
        company, session = read_id(raw.get(COMPANY)), raw.get("session")
        if kind == "identify_company":
            _learn(self.companies, company, at, raw.get("metadata"))
            return
        person = read_id(raw.get("user_id"))
        if kind not in self.usage and kind != "identify_user":
            return
        if person is None:
            raise MappingError("no_id", f"{kind} without user_id")
        if company is not None:
            self.employers[person] = max(self.employers.get(person, (at, company)), (at, company))
        if kind == "identify_user":
            _learn(self.people, person, at, raw.get("metadata"))
        elif company is not None:
            name = read_id(raw.get("event_name"))
            feature = self.features.get(name, name) if name and kind != "page_view" else None
            key = raw.get("internal_event_id") or (kind, name, person, company, at)
            session = None if session in (None, "") else str(session)
            yield UsedEvent(at, company, person, feature, session, key)

    def map_person(self, id: str) -> Row:
        """Map a person to a contact of the company last seen with."""
        known = {name: value for name, (_, value) in self.people[id].items()}
        employer = self.employers.get(id)
        return {
            "source_id": id,
            "external_key": id,
            "account_source_id": None if employer is None else employer[1],
            "email": known.get("email") or (id if "@" in id else None),
            "name": known.get("name") or None,
            "created_at": parse_time(known["created_at"]) if known.get("created_at") else None,
            "raw": known,
        }

    def map_company(self, id: str) -> Row:
        """Map what is known of a company to an account.

        Properties of your own become attributes.
        """
        known = {name: value for name, (_, value) in self.companies[id].items()}
        attributes = {n: v for n, v in known.items() if n not in _OWN_FIELDS and v is not None}
        return {
            "source_id": id,
            "external_key": id,
            "name": known.get("name") or None,
            "domain": known.get("domain") or None,
            "email": known.get("email") or None,
            "is_test": known.get("is_test") in (True, "true"),
            "attributes": attributes,
            "created_at": parse_time(known["created_at"]) if known.get("created_at") else None,
            "raw": known,
        }


def _learn(facts: Facts, id: str | None, at: datetime, values: Any) -> None:
    if id is None:
        raise MappingError("no_id", "an identification without an id")
    known = facts.setdefault(id, {})
    for name, value in values.items() if isinstance(values, dict) else ():
        if name not in known or known[name][0] <= at:
            known[name] = (at, value)


def parse_time(value: Any) -> datetime:
    """Convert an ISO time to UTC; without an offset it is UTC."""
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_id(value: Any) -> str | None:
    """Return an id as text; None if there is none."""
    usable = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return str(value) if usable else None

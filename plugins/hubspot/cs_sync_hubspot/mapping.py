"""HubSpot's objects as records of the unified schema; nothing here knows a network."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cs_sync import Rejection, Row, Unmappable, map_each
from cs_sync_hubspot.config import SCALES, HubSpotConfig
from cs_sync_schemas import Alias, Owner, Record, SourceAccount, SourceContact, SurveyResponse

Json = Mapping[str, Any]
Rows = dict[type[Record], list[Row]]


_NONE: Json = {}
_MERGED = "hs_merged_object_ids"
_COMPANY = ("name", "domain", "hs_additional_domains", "hubspot_owner_id", "createdate", _MERGED)
_CONTACT = (
    *("email", "hs_additional_emails", "firstname", "lastname", "jobtitle"),
    *("associatedcompanyid", "createdate", _MERGED),
)
_SUBMISSION = (
    *("hs_survey_type", "hs_survey_name", "hs_value", "hs_content"),
    *("hs_contact_id", "hs_submission_timestamp"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of CRM object: its name, what to ask for, and what becomes of it."""

    name: str
    record: type[Record]
    modified: str
    properties: tuple[str, ...]
    fields: Callable[[Json], Row]

    def changed_at(self, item: Json) -> datetime:
        """When it was changed last, by the property that searches go by."""
        at = when(text(item, self.modified)) or when(item.get("updatedAt"))
        if at is None:
            raise Unmappable("NO_TIME", f"{self.name} {item.get('id')} has no {self.modified}")
        return at

    def row(self, item: Json) -> Row:
        """The record that an object is."""
        common = {"source_id": str(item["id"]), "updated_at": self.changed_at(item), "raw": item}
        return {**common, **self.fields(item)}


def text(item: Json, name: str) -> str | None:
    """A property, stripped; HubSpot says both null and "" for one that is not set."""
    value = (item.get("properties") or _NONE).get(name)
    if value is None:
        return None
    return (value.strip() if isinstance(value, str) else str(value).strip()) or None


def when(value: Any) -> datetime | None:
    """An ISO 8601 time, aware and in UTC; a bare date is midnight UTC."""
    if value is None or value == "":
        return None
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else str(value))
        if at.tzinfo is UTC:
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise Unmappable("BAD_TIME", f"{value!r} is not a time") from error


def listed(value: str | None) -> list[str]:
    """The parts of a `;` list, each once."""
    if not value:
        return []
    parts = (part.strip() for part in value.split(";"))
    return list(dict.fromkeys(part for part in parts if part))


def owner_row(item: Json) -> Row:
    """An owner; archived ones keep their name and are no longer active."""
    name = " ".join(filter(None, (item.get("firstName"), item.get("lastName"))))
    return {
        "source_id": str(item["id"]),
        "name": name.strip() or None,
        "email": (item.get("email") or "").strip().lower() or None,
        "is_active": not item.get("archived", False),
        "updated_at": when(item.get("updatedAt")),
        "raw": item,
    }


def _lower(value: str | None) -> str | None:
    return value.lower() if value else None


def kinds_of(config: HubSpotConfig) -> dict[str, Kind]:
    """The kinds of object that are read, by name, as the configuration wants them."""
    company_keys = (config.account_key_property, *config.company_properties)
    contact_keys = (config.contact_key_property,) if config.contact_key_property else ()
    changed, contact_changed = "hs_lastmodifieddate", "lastmodifieddate"
    kinds = (
        Kind(
            "companies",
            SourceAccount,
            changed,
            _asked(*_COMPANY, changed, *company_keys),
            partial(company_fields, config),
        ),
        Kind(
            "contacts",
            SourceContact,
            contact_changed,
            _asked(*_CONTACT, contact_changed, *contact_keys),
            partial(contact_fields, config),
        ),
        Kind(
            "feedback_submissions",
            SurveyResponse,
            changed,
            _asked(*_SUBMISSION, changed),
            partial(submission_fields, config),
        ),
    )
    return {kind.name: kind for kind in kinds}


def company_fields(config: HubSpotConfig, item: Json) -> Row:
    """A company as an account; attributes that are not set are left out."""
    attributes = {name: text(item, name) for name in config.company_properties}
    return {
        "name": text(item, "name"),
        "domain": _lower(text(item, "domain")),
        "extra_domains": listed(_lower(text(item, "hs_additional_domains"))),
        "external_key": text(item, config.account_key_property),
        "owner_source_id": text(item, "hubspot_owner_id"),
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "created_at": when(text(item, "createdate") or item.get("createdAt")),
        "url": _company_url(config, str(item["id"])),
    }


def contact_fields(config: HubSpotConfig, item: Json) -> Row:
    """A contact with its primary company."""
    name = " ".join(filter(None, (text(item, "firstname"), text(item, "lastname"))))
    key = config.contact_key_property
    return {
        "account_source_id": text(item, "associatedcompanyid"),
        "email": _lower(text(item, "email")),
        "extra_emails": listed(_lower(text(item, "hs_additional_emails"))),
        "external_key": text(item, key) if key else None,
        "name": name or None,
        "role": text(item, "jobtitle"),
        "created_at": when(text(item, "createdate") or item.get("createdAt")),
    }


def submission_fields(config: HubSpotConfig, item: Json) -> Row:
    """A survey answer on its survey's own scale where it is configured, else on its type's."""
    kind, survey = (text(item, "hs_survey_type") or "").upper(), text(item, "hs_survey_name")
    scales = SCALES | config.survey_scales
    scale = scales.get(survey or "") if kind != "NPS" else None
    score, low, high = _score(config, kind, text(item, "hs_value"), scale or scales.get(kind))
    return {
        "contact_source_id": text(item, "hs_contact_id"),
        "kind": kind.lower(),
        "survey": survey,
        "score": score,
        "scale_min": low,
        "scale_max": high,
        "higher_is_better": True,
        "comment": text(item, "hs_content"),
        "answered_at": when(text(item, "hs_submission_timestamp") or item.get("createdAt")),
    }


def _asked(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _company_url(config: HubSpotConfig, source_id: str) -> str | None:
    """Where a colleague opens the company; HubSpot sends other regions on from this address."""
    if config.portal_id is None:
        return None
    return f"https://app.hubspot.com/contacts/{config.portal_id}/record/0-2/{source_id}"


def _score(
    config: HubSpotConfig, kind: str, value: str | None, scale: tuple[float, float] | None
) -> tuple[float | None, float | None, float | None]:
    """(score, lowest, highest) of an answer on a scale."""
    if kind not in (*SCALES, "CUSTOM"):
        raise Unmappable("UNKNOWN_SURVEY_TYPE", f"hs_survey_type is {kind!r}")
    low, high = scale or (None, None)
    if value is None:
        return None, low, high
    try:
        score = float(value)
    except ValueError as error:
        raise Unmappable("BAD_SCORE", f"hs_value {value!r} is not a number") from error
    if low is None:
        raise Unmappable(
            "UNKNOWN_SCALE",
            f"a {kind} answer of {score:g} on an unknown scale: give its lowest and highest "
            f"answer, e.g. survey_scales = {{ {kind} = [1, 5] }} in {config.section}",
        )
    return score, low, high


def aliases(kind: Kind, item: Json) -> list[Row]:
    """The ids that live on in this object after merges."""
    return [
        {
            "source_id": loser,
            "record": str(kind.record.__tablename__),
            "survivor_source_id": str(item["id"]),
            "updated_at": kind.changed_at(item),
        }
        for loser in listed(text(item, _MERGED))
        if loser != str(item["id"])
    ]


def mapped(kind: Kind, items: Iterable[Json]) -> tuple[Rows, list[Rejection]]:
    """Records of a page of objects, and those that cannot be one with the reason."""

    def one(item: Json) -> tuple[Row, list[Row]]:
        return kind.row(item), aliases(kind, item)

    made, rejected = map_each(kind.record, items, one)
    rows: Rows = {kind.record: [row for row, _ in made]}
    if merged := [alias for _, found in made for alias in found]:
        rows[Alias] = merged
    return rows, rejected


def mapped_owners(items: Iterable[Json]) -> tuple[Rows, list[Rejection]]:
    """Records of a page of owners, and those that cannot be one with the reason."""
    rows, rejected = map_each(Owner, items, owner_row)
    return {Owner: rows}, rejected

"""Mapping of HubSpot's objects to records of the unified schema; pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from cs_sync import MappingError, Row
from cs_sync_hubspot.config import SCALES, HubSpotConfig
from cs_sync_hubspot.objects import Json, Texts, parse_time, read_text, read_texts, split_list
from cs_sync_schemas import Alias, Record, SourceAccount, SourceContact, SurveyResponse

_MERGED = "hs_merged_object_ids"
_COMPANY = (
    *("name", "domain", "hs_additional_domains", "hubspot_owner_id", "createdate"),
    *("notes_last_contacted", _MERGED),
)
_CONTACT = (
    *("email", "hs_additional_emails", "firstname", "lastname", "jobtitle"),
    *("associatedcompanyid", "createdate", _MERGED),
)
_SUBMISSION = (
    *("hs_survey_type", "hs_survey_name", "hs_value", "hs_content"),
    *("hs_contact_id", "hs_submission_timestamp"),
)


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One CRM object type: its name, properties and mapping."""

    name: str
    record: type[Record]
    modified: str
    properties: tuple[str, ...]
    fields: Callable[[Json, Texts], dict[str, Any]]

    def changed_at(self, item: Json) -> datetime:
        """Return the time of the last change.

        From the property used by searches.
        """
        return self._find_change(item, read_text(item, self.modified))

    def row(self, item: Json) -> Row:
        """Map an object to a record."""
        return self.map_texts(item, read_texts(item))

    def map_texts(self, item: Json, texts: Texts) -> Row:
        """Map an object, whose properties were read, to a record."""
        source_id, changed_at = str(item["id"]), self._find_change(item, texts.get(self.modified))
        fields = self.fields(item, texts)
        fields["source_id"], fields["updated_at"], fields["raw"] = source_id, changed_at, item
        return fields

    def _find_change(self, item: Json, modified: str | None) -> datetime:
        at = parse_time(modified) or parse_time(item.get("updatedAt"))
        if at is None:
            raise MappingError("NO_TIME", f"{self.name} {item.get('id')} has no {self.modified}")
        return at


def map_owner(item: Json) -> Row:
    """Map an owner; archived ones keep their name and are inactive."""
    name = " ".join(filter(None, (item.get("firstName"), item.get("lastName"))))
    return {
        "source_id": str(item["id"]),
        "name": name.strip() or None,
        "email": (item.get("email") or "").strip().lower() or None,
        "is_active": not item.get("archived", False),
        "updated_at": parse_time(item.get("updatedAt")),
        "raw": item,
    }


def _lower_or_none(value: str | None) -> str | None:
    return value.lower() if value else None


def build_object_types(config: HubSpotConfig) -> dict[str, ObjectType]:
    """Return the configured object types to read, by name."""
    company_keys = (config.account_key_property, *config.company_properties)
    contact_keys = (config.contact_key_property,) if config.contact_key_property else ()
    changed, contact_changed = "hs_lastmodifieddate", "lastmodifieddate"
    kinds = (
        ObjectType(
            "companies",
            SourceAccount,
            changed,
            _unique_names(*_COMPANY, changed, *company_keys),
            partial(map_company, config),
        ),
        ObjectType(
            "contacts",
            SourceContact,
            contact_changed,
            _unique_names(*_CONTACT, contact_changed, *contact_keys),
            partial(map_contact, config),
        ),
        ObjectType(
            "feedback_submissions",
            SurveyResponse,
            changed,
            _unique_names(*_SUBMISSION, changed),
            partial(map_submission, config),
        ),
    )
    return {kind.name: kind for kind in kinds}


def map_company(config: HubSpotConfig, item: Json, texts: Texts) -> dict[str, Any]:
    """Map a company to an account, without unset attributes."""
    return {
        "name": texts.get("name"),
        "domain": _lower_or_none(texts.get("domain")),
        "extra_domains": split_list(_lower_or_none(texts.get("hs_additional_domains"))),
        "external_key": texts.get(config.account_key_property),
        "owner_source_id": texts.get("hubspot_owner_id"),
        "attributes": {
            name: texts[name] for name in dict.fromkeys(config.company_properties) if name in texts
        },
        "created_at": parse_time(texts.get("createdate") or item.get("createdAt")),
        "last_contacted_at": parse_time(texts.get("notes_last_contacted")),
        "url": _build_company_url(config, str(item["id"])),
    }


def map_contact(config: HubSpotConfig, item: Json, texts: Texts) -> dict[str, Any]:
    """Map a contact with its primary company."""
    first, last = texts.get("firstname"), texts.get("lastname")
    key = config.contact_key_property
    return {
        "account_source_id": texts.get("associatedcompanyid"),
        "email": _lower_or_none(texts.get("email")),
        "extra_emails": split_list(_lower_or_none(texts.get("hs_additional_emails"))),
        "external_key": texts.get(key) if key else None,
        "name": f"{first} {last}" if first and last else first or last,
        "role": texts.get("jobtitle"),
        "created_at": parse_time(texts.get("createdate") or item.get("createdAt")),
    }


def map_submission(config: HubSpotConfig, item: Json, texts: Texts) -> dict[str, Any]:
    """Map a survey answer.

    The scale is its survey's if configured, else its type's.
    """
    kind, survey = (
        (texts.get("hs_survey_type") or "").upper(),
        texts.get("hs_survey_name"),
    )
    scales = SCALES | config.survey_scales
    scale = scales.get(survey or "") if kind != "NPS" else None
    score, low, high = _parse_score(config, kind, texts.get("hs_value"), scale or scales.get(kind))
    return {
        "contact_source_id": texts.get("hs_contact_id"),
        "kind": kind.lower(),
        "survey": survey,
        "score": score,
        "scale_min": low,
        "scale_max": high,
        "higher_is_better": True,
        "comment": texts.get("hs_content"),
        "answered_at": parse_time(texts.get("hs_submission_timestamp") or item.get("createdAt")),
    }


def _unique_names(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _build_company_url(config: HubSpotConfig, source_id: str) -> str | None:
    """Return the company's URL in HubSpot, which redirects other regions."""
    if config.portal_id is None:
        return None
    app = config.app_url.rstrip("/")
    return f"{app}/contacts/{config.portal_id}/record/0-2/{source_id}"


def _parse_score(
    config: HubSpotConfig, kind: str, value: str | None, scale: tuple[float, float] | None
) -> tuple[float | None, float | None, float | None]:
    """Return (score, lowest, highest) of an answer on a scale."""
    if kind not in (*SCALES, "CUSTOM"):
        raise MappingError("UNKNOWN_SURVEY_TYPE", f"hs_survey_type is {kind!r}")
    low, high = scale or (None, None)
    if value is None:
        return None, low, high
    try:
        score = float(value)
    except ValueError as error:
        raise MappingError("BAD_SCORE", f"hs_value {value!r} is not a number") from error
    if low is None:
        raise MappingError(
            "UNKNOWN_SCALE",
            f"a {kind} answer of {score:g} on an unknown scale: give its lowest and highest "
            f"answer, e.g. survey_scales = {{ {kind} = [1, 5] }} in {config.section}",
        )
    return score, low, high


def map_aliases(
    kind: ObjectType, item: Json, merged: str | None
) -> Iterator[tuple[type[Record], Row]]:
    """Yield an alias for each id merged into this object."""
    for loser in split_list(merged):
        if loser == str(item["id"]):
            continue
        alias = {
            "source_id": loser,
            "record": str(kind.record.__tablename__),
            "survivor_source_id": str(item["id"]),
            "updated_at": kind.changed_at(item),
        }
        yield Alias, alias


def map_object(kind: ObjectType, item: Json) -> Row | list[tuple[type[Record], Row]]:
    """Map an object to its record, and aliases of merged ones."""
    texts = read_texts(item)
    row, merged = kind.map_texts(item, texts), texts.get(_MERGED)
    return [(kind.record, row), *map_aliases(kind, item, merged)] if merged else row

"""From user and group profiles to contacts and accounts; pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync import MappingError, Row
from cs_sync_mixpanel.events import list_accounts

PERSON_PROPERTIES = ("$email", "$name", "$first_name", "$last_name", "$created")
_OWN_FIELDS = frozenset({"name", "domain", "email", "is_test"})


def map_person(profile: Mapping[str, Any], account_property: str, zone: ZoneInfo) -> Row:
    """Map a user profile to a contact of its first account."""
    id, properties = _get_id(profile), profile["$properties"]
    parts = (properties.get("$first_name"), properties.get("$last_name"))
    name = properties.get("$name") or " ".join(str(part) for part in parts if part)
    return {
        "source_id": id,
        "external_key": id,
        "account_source_id": next(iter(list_accounts(properties.get(account_property))), None),
        "email": properties.get("$email") or (id if "@" in id else None),
        "name": name or None,
        "created_at": parse_profile_time(properties.get("$created"), zone),
        "raw": dict(profile),
    }


def map_account(profile: Mapping[str, Any]) -> Row:
    """Map a group profile to an account.

    Properties of your own become attributes.
    """
    id, properties = _get_id(profile), profile["$properties"]
    return {
        "source_id": id,
        "external_key": id,
        "name": properties.get("$name") or properties.get("name") or None,
        "domain": properties.get("domain") or None,
        "email": properties.get("$email") or properties.get("email") or None,
        "is_test": properties.get("is_test") in (True, "true"),
        "attributes": {
            name: value
            for name, value in properties.items()
            if name not in _OWN_FIELDS and not name.startswith("$") and value is not None
        },
        "raw": dict(profile),
    }


def _get_id(profile: Any) -> str:
    """Return the id of a profile, as text."""
    id = profile.get("$distinct_id")
    if isinstance(id, bool) or not isinstance(id, str | int) or id == "":
        raise MappingError("no_id", "a profile without $distinct_id")
    return str(id)


def parse_profile_time(value: Any, zone: ZoneInfo) -> datetime | None:
    """Convert a profile's ISO time, which is of the project's zone."""
    if not value:
        return None
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)

"""Mapping of Salesforce's records to those of the unified schema; pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cs_sync import MappingError, Row
from cs_sync_salesforce.config import SalesforceConfig
from cs_sync_schemas import Alias, Record

Json = Mapping[str, Any]
OWNER = ("Name", "Email", "IsActive")
ACCOUNT = ("Name", "Website", "OwnerId", "CreatedDate", "IsDeleted", "MasterRecordId")
CONTACT = ("AccountId", "Name", "Email", "Title", "CreatedDate", "IsDeleted", "MasterRecordId")
RENEWALS = "Opportunities"


def parse_time(value: Any) -> datetime | None:
    """Parse a time to UTC; None stays None."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError("no offset")
        return at.astimezone(UTC)
    except (OverflowError, TypeError, ValueError) as error:
        raise MappingError("BAD_TIME", f"{value!r} is not a time") from error


def map_owner(item: Json) -> Row:
    """Map a user; those who left are inactive."""
    return {
        **_map_common(item),
        "name": item["Name"],
        "email": item["Email"],
        "is_active": item["IsActive"],
    }


def map_account(item: Json, config: SalesforceConfig) -> Row:
    """Map an account, with the day of its next renewal."""
    attributes = {name: item[name] for name in config.account_fields}
    if config.renewal_types:
        attributes["renewal_date"] = _find_renewal(item, config.renewal_date_field)
    key = config.account_key_field
    return {
        **_map_common(item),
        "name": item["Name"],
        "domain": _parse_host(item["Website"]),
        "external_key": None if key is None else _to_text(item[key]),
        "owner_source_id": item["OwnerId"],
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "created_at": parse_time(item["CreatedDate"]),
        "url": f"{config.base_url.rstrip('/')}/{item['Id']}",
    }


def map_contact(item: Json, config: SalesforceConfig) -> Row:
    """Map a contact."""
    key = config.contact_key_field
    return {
        **_map_common(item),
        "account_source_id": item["AccountId"],
        "email": item["Email"],
        "external_key": None if key is None else _to_text(item[key]),
        "name": item["Name"],
        "role": item["Title"],
        "created_at": parse_time(item["CreatedDate"]),
    }


def map_alias(item: Json, record: type[Record]) -> Iterator[tuple[type[Record], Row]]:
    """Yield where a record lives on, if it was merged."""
    if item.get("MasterRecordId"):
        yield (
            Alias,
            {
                "source_id": get_id(item),
                "record": str(record.__tablename__),
                "survivor_source_id": item["MasterRecordId"],
                "updated_at": parse_time(item["SystemModstamp"]),
                "raw": item,
            },
        )


def get_id(item: Json) -> str:
    """Return a record's id."""
    id_ = item["Id"]
    if not isinstance(id_, str) or not id_:
        raise MappingError("no_id", f"{id_!r} is not an id")
    return id_


def _map_common(item: Json) -> dict[str, Any]:
    return {
        "source_id": get_id(item),
        "updated_at": parse_time(item["SystemModstamp"]),
        "raw": item,
    }


def _find_renewal(item: Json, field: str) -> Any:
    """Return the day of the first open renewal."""
    inside = item[RENEWALS]
    return inside["records"][0][field] if inside and inside["records"] else None


def _parse_host(website: Any) -> str | None:
    """Return the host of a web address as people write it."""
    if not isinstance(website, str):
        return None
    address = website.strip().lower()
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname
    except ValueError:
        return None


def _to_text(value: Any) -> str | None:
    """Return a key as text; a number field has whole ones."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)

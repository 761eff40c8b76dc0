"""Mapping of PostHog's rows and objects to the unified schema; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from cs_sync import MappingError, Page, Row
from cs_sync_schemas import FeatureDay, SourceAccount, SourceContact, UsageDay

_OWN_FIELDS = frozenset({"name", "domain", "email", "is_test"})


def map_usage_page(rows: Sequence[Sequence[Any]]) -> Page:
    """Map usage by day, account and person.

    Without session ids, sessions and seconds are unknown.
    """
    return Page.mapped(UsageDay, rows, lambda row: _map_usage(*row), source_id=_row_key)


def _row_key(row: Sequence[Any], cells: int = 3) -> str:
    """Return the first three cells, which identify a row."""
    return "|".join(map(str, row[:cells]))


def _map_usage(
    day: str, account: str, person: str, events: int, sessions: int, seconds: int
) -> Row:
    return {
        "source_id": f"{day}|{account}|{person}",
        "day": day,
        "account_source_id": account,
        "contact_source_id": person,
        "events": int(events),
        "sessions": int(sessions) or None,
        "seconds": int(seconds) if sessions else None,
    }


def map_feature_page(rows: Sequence[Sequence[Any]]) -> Page:
    """Map the use of features by day, account and named person.

    Rows by person replace the row of the account, which was read before the feature was named.
    """
    key = partial(_row_key, cells=4)
    page = Page.mapped(FeatureDay, rows, lambda row: _map_feature(*row), source_id=key)
    by_account = {
        f"{row['day']}|{row['account_source_id']}|{row['feature']}|"
        for row in page.records[FeatureDay]
        if row["contact_source_id"]
    }
    return replace(page, deleted={FeatureDay: sorted(by_account)}) if by_account else page


def _map_feature(
    day: str, account: str, feature: str, person: str, events: int, users: int = 1
) -> Row:
    return {
        "source_id": f"{day}|{account}|{feature}|{person}",
        "day": day,
        "account_source_id": account,
        "contact_source_id": person or None,
        "feature": feature,
        "users": int(users),
        "events": int(events),
    }


def map_contact_page(rows: Sequence[Sequence[Any]]) -> Page:
    """Map the product's users to contacts."""
    return Page.mapped(
        SourceContact, rows, lambda row: _map_contact(*row), source_id=lambda row: row[0]
    )


def _map_contact(
    person: str, account: str, email: str | None, name: str | None, created: int | None
) -> Row:
    return {
        "source_id": person,
        "external_key": person,
        "account_source_id": account,
        "email": email or (person if "@" in person else None),
        "name": name or None,
        "created_at": parse_timestamp(created),
    }


def map_account_page(groups: Sequence[Any], resume: str | None, place: str) -> Page:
    """Map groups to accounts.

    `place` is the base URL of a group's page.
    """

    def map_group(group: Any) -> Row:
        if not (isinstance(group, Mapping) and group.get("group_key")):
            raise MappingError("no_key", "a group without group_key")
        return _map_account(group, place)

    return Page.mapped(
        SourceAccount, groups, map_group, resume, source_id=lambda group: group["group_key"]
    )


def _map_account(group: Mapping[str, Any], place: str) -> Row:
    key, properties = str(group["group_key"]), group.get("group_properties") or {}
    return {
        "source_id": key,
        "external_key": key,
        "name": properties.get("name") or None,
        "domain": properties.get("domain") or None,
        "email": properties.get("email") or None,
        "is_test": properties.get("is_test") in (True, "true"),
        "attributes": {
            name: value
            for name, value in properties.items()
            if name not in _OWN_FIELDS and not name.startswith("$") and value is not None
        },
        "created_at": group.get("created_at"),
        "url": f"{place}/{quote(key, safe='')}",
        "raw": dict(group),
    }


def parse_timestamp(seconds: int | float | None) -> datetime | None:
    """Convert Unix seconds to an aware time; 0 is ClickHouse's null."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None

"""Histories of company properties: owner, last contact, and what is carried along.

HubSpot gives the newest values of a property, each with its time, for 50 objects a request.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cs_sync import MappingError, Page, Row, Window, map_each
from cs_sync_hubspot.api import HISTORY_LIMIT, HubSpotApi
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.objects import Json, parse_time
from cs_sync_schemas import AccountChange, Record, SourceAccount
from cs_sync_schemas.values import ATTRIBUTE_PREFIX, CONTACT_FIELD, OWNER_FIELD


@dataclass(frozen=True, slots=True)
class HistoryReader:
    """Reads what the companies of a page were before.

    `fields` maps each property to the field of an account whose past it tells.
    """

    api: HubSpotApi
    fields: dict[str, str]

    def add_changes(self, window: Window, page: Page) -> Page:
        """Return the page with the changes of companies that changed meanwhile."""
        rows = page.records.get(SourceAccount, ())
        since = None if window.backfill else window.since
        ids = [row["source_id"] for row in rows if since is None or row["updated_at"] >= since]
        items = (
            item
            for start in range(0, len(ids), HISTORY_LIMIT)
            for item in self._read_histories(ids[start : start + HISTORY_LIMIT])
        )
        listed, broken = map_each(AccountChange, items, lambda item: list(self._list_entries(item)))
        entries = (entry for of_company in listed for entry in of_company)
        changes, rejected = map_each(AccountChange, entries, self._map_entry, _name_entry)
        records: dict[type[Record], Sequence[Row]] = {**page.records, AccountChange: changes}
        return replace(page, records=records, rejected=[*page.rejected, *broken, *rejected])

    def _read_histories(self, ids: list[str]) -> Sequence[Json]:
        items: Sequence[Json] = self.api.read_histories("companies", ids, [*self.fields])["results"]
        return items

    def _list_entries(self, item: Json) -> Iterator[Json]:
        """Yield every value of every property, oldest first; none without histories."""
        histories = item.get("propertiesWithHistory") or {}
        for name in self.fields:
            for entry in reversed(histories.get(name) or ()):
                yield {**entry, "company": str(item["id"]), "property": name}

    def _map_entry(self, entry: Json) -> Row:
        at, field = parse_time(entry.get("timestamp")), self.fields[entry["property"]]
        if at is None:
            raise MappingError("NO_TIME", f"a value of {_name_entry(entry)} has no timestamp")
        value = str(entry.get("value") or "").strip() or None
        is_time = field == CONTACT_FIELD
        return {
            "source_id": f"{_name_entry(entry)}:{int(at.timestamp() * 1000)}",
            "account_source_id": entry["company"],
            "field": field,
            "value": None if is_time else value,
            "value_at": _parse_moment(value) if is_time else None,
            "happened_at": at,
            "raw": entry,
        }


def name_past_fields(config: HubSpotConfig) -> dict[str, str]:
    """Map each property with a past to the field of an account."""
    attributes = {name: ATTRIBUTE_PREFIX + name for name in config.company_properties}
    return {
        "hubspot_owner_id": OWNER_FIELD,
        "notes_last_contacted": CONTACT_FIELD,
        **attributes,
    }


def _name_entry(entry: Any) -> str:
    return f"{entry['company']}:{entry['property']}"


def _parse_moment(value: str | None) -> datetime | None:
    """Parse a time of a history: ISO 8601, or milliseconds since 1970."""
    if value is not None and value.isdecimal():
        return datetime.fromtimestamp(int(value) / 1000, UTC)
    return parse_time(value)

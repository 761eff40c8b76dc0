"""A HubSpot portal: records, their properties and associations, and what search knows of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.definitions import (
    ALWAYS,
    GROUPS,
    READ_ONLY,
    UNASKED,
    get_created_name,
    get_modified_name,
    list_built_in,
)
from cs_sync_sandbox.hubspot.errors import (
    HubSpotError,
    make_invalid_error,
    make_not_found_error,
    make_rule_error,
)
from cs_sync_sandbox.hubspot.values import format_instant, normalise_value
from cs_sync_sandbox.world.records import Owner

KINDS = ("companies", "contacts", "feedback_submissions", "tasks", "notes")
FIRST_NEW_ID = 70_000_000_000
VERSIONS = 20
"""So many values of a property are kept."""


class Version(NamedTuple):
    """A value of a property, when it was set and by what."""

    at: datetime
    value: str
    source: str = "CRM_UI"


@dataclass
class Record:
    """One object; `before` is what search still shows until the index caught up."""

    id: str
    kind: str
    properties: dict[str, str | None]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    before: dict[str, str | None] | None = None
    history: dict[str, list[Version]] = field(default_factory=dict)
    """Property → its values, oldest first."""


@dataclass
class Portal:
    """Everything HubSpot holds for Acme, and the switches of a portal that tests may set."""

    now: Callable[[], datetime]
    owners: tuple[Owner, ...] = ()
    objects: dict[str, dict[str, Record]] = field(default_factory=lambda: {k: {} for k in KINDS})
    merged_into: dict[tuple[str, str], str] = field(default_factory=dict)
    definitions: dict[str, dict[str, Json]] = field(default_factory=dict)
    groups: dict[str, dict[str, Json]] = field(default_factory=dict)
    links: dict[tuple[str, str, str], dict[str, set[int]]] = field(default_factory=dict)
    lists: dict[tuple[str, str], Json] = field(default_factory=dict)
    """(type of object, name) → the list."""
    rules: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """(kind, property) → a pattern that every value must match, and what an admin says of it."""
    search_lag: timedelta = timedelta(seconds=3)
    unique_task_properties: bool = True
    daily_limit: int = 650_000
    _ids: count[int] = field(default_factory=lambda: count(FIRST_NEW_ID))

    def __post_init__(self) -> None:
        """Start with the definitions and groups every portal has."""
        for kind, (name, label) in GROUPS.items():
            self.definitions[kind] = list_built_in(kind, self.now())
            self.groups[kind] = {
                name: {"archived": False, "displayOrder": 0, "label": label, "name": name}
            }

    def find(self, kind: str, id_: str, id_property: str | None = None) -> Record | None:
        """Return a live or surviving record by id or unique property."""
        if id_property:
            self._check_id_property(kind, id_property)
            return next((r for r in self.live(kind) if r.properties.get(id_property) == id_), None)
        record = self.objects[kind].get(self.merged_into.get((kind, id_), id_))
        return record if record and record.archived_at is None else None

    def find_archived(self, kind: str, id_: str, id_property: str | None = None) -> Record | None:
        """Return an archived record by id or by unique property."""
        archived = (r for r in self.objects[kind].values() if r.archived_at is not None)
        return next(
            (r for r in archived if r.properties.get(id_property or "hs_object_id") == id_), None
        )

    def live(self, kind: str) -> Iterable[Record]:
        """Return the records that are not archived."""
        return (r for r in self.objects[kind].values() if r.archived_at is None)

    def checked(self, kind: str, properties: Mapping[str, object]) -> dict[str, str]:
        """Return given values normalised.

        Raises:
            HubSpotError: 400 for a property that does not exist or a value that does not fit.
        """
        checked_values = {}
        for name, value in properties.items():
            definition = self.definitions[kind].get(name)
            if definition is None:
                raise make_invalid_error(
                    f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST", name
                )
            checked_values[name] = normalise_value(definition, value)
            pattern, message = self.rules.get((kind, name), ("", ""))
            if checked_values[name] and not re.search(pattern, checked_values[name]):
                raise make_rule_error(name, message)
        return checked_values

    def check_unique(self, kind: str, values: Mapping[str, str], record: Record | None) -> None:
        """Refuse another record's value in a unique property (409 CONFLICT)."""
        for name, value in values.items():
            if not value or not self.definitions[kind][name]["hasUniqueValue"]:
                continue
            for other in self.live(kind):
                if other is not record and other.properties.get(name) == value:
                    raise make_conflict_error(name, value, other.id)

    def create(self, kind: str, values: Mapping[str, str]) -> Record:
        """Add a record with checked values."""
        now, id_ = self.now(), str(next(self._ids))
        record = Record(id_, kind, {"hs_object_id": id_}, now, now)
        record.properties[get_created_name(kind)] = format_instant(now)
        self._set(record, values, now)
        self.objects[kind][id_] = record
        return record

    def update(self, record: Record, values: Mapping[str, str]) -> None:
        """Write checked values; what does not change leaves no trace."""
        changed = {n: v for n, v in values.items() if (record.properties.get(n) or "") != v}
        if not changed:
            return
        now = self.now()
        if now - record.updated_at >= self.search_lag:
            record.before = dict(record.properties)
        self._set(record, changed, now)

    def archive(self, record: Record) -> None:
        """Archive a record; it can be restored for 90 days."""
        record.archived_at = record.updated_at = self.now()

    def merge(self, kind: str, winner: Record, loser: Record) -> None:
        """Merge two records.

        The loser's id now means the winner, which takes its associations, and its values where it
        has none.
        """
        merged_ids = [*_list_merged_ids(winner), *_list_merged_ids(loser), loser.id]
        for old in merged_ids:
            self.merged_into[(kind, old)] = winner.id
        del self.objects[kind][loser.id]
        for (origin, id_, target), ends in list(self.links.items()):
            if origin == kind and id_ == loser.id:
                for end in list(ends):
                    self.link(kind, winner.id, target, end, ends[end])
        taken = {
            name: value
            for name, value in loser.properties.items()
            if value and name not in READ_ONLY and not winner.properties.get(name)
        }
        self.update(winner, {**taken, "hs_merged_object_ids": ";".join(merged_ids)})

    def link(self, kind: str, id_: str, target: str, target_id: str, types: set[int]) -> None:
        """Associate two records in one direction."""
        self.links.setdefault((kind, id_, target), {}).setdefault(target_id, set()).update(types)

    def linked(self, kind: str, id_: str, target: str) -> dict[str, set[int]]:
        """Return the associated ids with their types."""
        return self.links.get((kind, self.merged_into.get((kind, id_), id_), target), {})

    def indexed(self, record: Record) -> dict[str, str | None] | None:
        """Return the properties as search knows them, or None."""
        if self.now() - record.updated_at >= self.search_lag:
            return record.properties
        return record.before

    def shown(self, record: Record, requested: Iterable[str] = ()) -> Json:
        """Return the record with the properties that an answer shows."""
        names = [*ALWAYS[record.kind], *(requested or UNASKED[record.kind])]
        definitions = self.definitions[record.kind]
        body: Json = {
            "id": record.id,
            "properties": {n: record.properties.get(n) for n in names if n in definitions},
            "createdAt": format_instant(record.created_at),
            "updatedAt": format_instant(record.updated_at),
            "archived": record.archived_at is not None,
        }
        if record.archived_at:
            body["archivedAt"] = format_instant(record.archived_at)
        return body

    def shown_history(self, record: Record, names: Iterable[str]) -> Json:
        """Return the newest values of properties with their times, newest first."""
        return {
            name: [
                {
                    "value": version.value,
                    "timestamp": format_instant(version.at),
                    "sourceType": version.source,
                }
                for version in record.history.get(name, ())[: -VERSIONS - 1 : -1]
            ]
            for name in names
            if name in self.definitions[record.kind]
        }

    def required(self, kind: str, id_: str, id_property: str | None = None) -> Record:
        """Return a live record or raise HubSpot's 404."""
        record = self.find(kind, id_, id_property)
        if record is None:
            raise make_not_found_error(kind, id_)
        return record

    def _check_id_property(self, kind: str, name: str) -> None:
        definition = self.definitions[kind].get(name)
        natural = kind == "contacts" and name == "email"
        if definition is None or not (natural or definition["hasUniqueValue"]):
            raise make_invalid_error(f"{name} is not a unique identifier property for {kind}")

    def _set(self, record: Record, values: Mapping[str, str], now: datetime) -> None:
        record.properties.update(values)
        for name, value in values.items():
            record.history.setdefault(name, []).append(Version(now, value))
        record.properties[get_modified_name(record.kind)] = format_instant(now)
        if record.kind == "tasks" and "hs_task_status" in values:
            done = values["hs_task_status"] == "COMPLETED"
            record.properties["hs_task_completion_date"] = format_instant(now) if done else None
        record.updated_at = now


def make_conflict_error(name: str, value: str, existing_id: str | None) -> HubSpotError:
    """Return the 409 for a value that is taken."""
    where = f" Existing ID: {existing_id}" if existing_id else " It stands in the batch twice."
    return HubSpotError(
        409, "CONFLICT", f'Property "{name}" must be unique, "{value}" is taken.{where}'
    )


def _list_merged_ids(record: Record) -> list[str]:
    return [id_ for id_ in (record.properties.get("hs_merged_object_ids") or "").split(";") if id_]

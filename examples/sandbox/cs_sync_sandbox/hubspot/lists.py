"""HubSpot's lists (segments): created by name, found by name."""

from __future__ import annotations

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.errors import HubSpotError, make_invalid_error
from cs_sync_sandbox.hubspot.portal import Portal

OBJECT_TYPES = {"0-1": "contacts", "0-2": "companies"}


def create_list(portal: Portal, fields: Json) -> tuple[int, Json]:
    """POST a list: names are unique for a type of object."""
    absent = {"name", "objectTypeId", "processingType"} - fields.keys()
    if absent:
        raise make_invalid_error(f"Required fields are missing: {sorted(absent)}")
    kind = OBJECT_TYPES.get(fields["objectTypeId"])
    if kind is None or fields["processingType"] not in ("MANUAL", "DYNAMIC", "SNAPSHOT"):
        raise make_invalid_error("objectTypeId or processingType is not known")
    for name in _list_properties(fields.get("filterBranch") or {}):
        if name not in portal.definitions[kind]:
            raise make_invalid_error(f"Property {name} does not exist on {kind}")
    key = fields["objectTypeId"], fields["name"]
    if key in portal.lists:
        raise make_invalid_error(f"A list named {fields['name']} already exists")
    portal.lists[key] = {**fields, "listId": str(len(portal.lists) + 1)}
    return 200, {"list": portal.lists[key]}


def get_list_by_name(portal: Portal, object_type: str, name: str) -> tuple[int, Json]:
    """GET a list by its name."""
    existing = portal.lists.get((object_type, name))
    if existing is None:
        raise HubSpotError(404, "OBJECT_NOT_FOUND", f"List {name} does not exist")
    return 200, {"list": existing}


def _list_properties(branch: Json) -> list[str]:
    """Return the properties that a branch of filters names, at any depth."""
    own = [filter_["property"] for filter_ in branch.get("filters", ())]
    inner = [name for part in branch.get("filterBranches", ()) for name in _list_properties(part)]
    return [*own, *inner]

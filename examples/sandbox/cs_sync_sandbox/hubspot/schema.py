"""HubSpot's property calls: definitions and groups, created once and never twice."""

from __future__ import annotations

import re

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.definitions import definition
from cs_sync_sandbox.hubspot.errors import HubSpotError, invalid, partly
from cs_sync_sandbox.hubspot.portal import Portal
from cs_sync_sandbox.hubspot.values import iso

NAME = re.compile(r"^[a-z][a-z0-9_]*$")
TYPES = {
    "string": {"text", "textarea", "html", "file"}, "number": {"number"}, "date": {"date"},
    "datetime": {"date"}, "bool": {"booleancheckbox"}, "phone_number": {"phonenumber"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
}  # fmt: skip
UNIQUE_PER_KIND = 10


def list_properties(portal: Portal, kind: str) -> tuple[int, Json]:
    """GET every definition of a kind."""
    return 200, {"results": list(portal.definitions[kind].values())}


def get_property(portal: Portal, kind: str, name: str) -> tuple[int, Json]:
    """GET one definition."""
    found = portal.definitions[kind].get(name)
    if found is None:
        raise HubSpotError(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist on {kind}")
    return 200, found


def create_property(portal: Portal, kind: str, given: Json) -> tuple[int, Json]:
    """POST one definition: 409 if the name is taken."""
    _check(portal, kind, given)
    if given["name"] in portal.definitions[kind]:
        raise _exists(given["name"])
    made = definition(given, portal.now())
    portal.definitions[kind][given["name"]] = made
    return 201, made


def create_properties(portal: Portal, kind: str, body: Json) -> tuple[int, Json]:
    """POST batch/create: names that are taken make a 207."""
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= 100:
        raise invalid("inputs must hold between 1 and 100 properties")
    for given in inputs:
        _check(portal, kind, given)
    made, errors = [], []
    for given in inputs:
        try:
            made.append(create_property(portal, kind, given)[1])
        except HubSpotError as error:
            errors.append(partly("OBJECT_ALREADY_EXISTS", error.message, {"name": [given["name"]]}))
    now = iso(portal.now())
    answer: Json = {"status": "COMPLETE", "results": made, "startedAt": now, "completedAt": now}
    if errors:
        answer |= {"numErrors": len(errors), "errors": errors}
    return 207 if errors else 201, answer


def update_property(portal: Portal, kind: str, name: str, change: Json) -> tuple[int, Json]:
    """PATCH a definition: label, description, options; its name and type stay."""
    found = get_property(portal, kind, name)[1]
    if found["hubspotDefined"]:
        raise invalid(f"Property {name} cannot be changed")
    kept = {k: v for k, v in change.items() if k in {"label", "description", "options"}}
    changed = definition({**found, **kept}, portal.now())
    portal.definitions[kind][name] = changed
    return 200, changed


def archive_property(portal: Portal, kind: str, name: str) -> tuple[int, Json]:
    """DELETE a definition that Acme's people or an integration made."""
    found = get_property(portal, kind, name)[1]
    if found["hubspotDefined"]:
        raise invalid(f"Property {name} cannot be archived")
    del portal.definitions[kind][name]
    return 204, {}


def list_groups(portal: Portal, kind: str) -> tuple[int, Json]:
    """GET every property group of a kind."""
    return 200, {"results": list(portal.groups[kind].values())}


def create_group(portal: Portal, kind: str, given: Json) -> tuple[int, Json]:
    """POST a property group: 409 if the name is taken."""
    name = given.get("name", "")
    if not NAME.match(name) or not given.get("label"):
        raise invalid("A property group needs a name (a-z, 0-9, _) and a label")
    if name in portal.groups[kind]:
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"Property group {name} already exists.")
    made = {
        "archived": False, "displayOrder": given.get("displayOrder", -1),
        "label": given["label"], "name": name,
    }  # fmt: skip
    portal.groups[kind][name] = made
    return 201, made


def _check(portal: Portal, kind: str, given: Json) -> None:
    absent = {"name", "label", "type", "fieldType", "groupName"} - given.keys()
    if absent:
        raise invalid(f"Required fields are missing: {sorted(absent)}")
    name, type_ = given["name"], given["type"]
    if not NAME.match(name):
        raise invalid(f"Property name {name!r} must match {NAME.pattern}")
    if given["fieldType"] not in TYPES.get(type_, set()):
        raise invalid(f"fieldType {given['fieldType']} does not go with type {type_}")
    if given["groupName"] not in portal.groups[kind]:
        raise invalid(f"Property group {given['groupName']} does not exist")
    if type_ == "enumeration" and not given.get("options"):
        raise invalid(f"Enumeration {name} needs options")
    if given.get("hasUniqueValue"):
        _check_unique(portal, kind, type_)


def _check_unique(portal: Portal, kind: str, type_: str) -> None:
    if kind in {"tasks", "notes"} and not portal.unique_task_properties:
        raise invalid(f"Unique properties are not supported for {kind}")
    taken = sum(d["hasUniqueValue"] for d in portal.definitions[kind].values())
    if type_ not in {"string", "number"} or taken >= UNIQUE_PER_KIND:
        raise invalid(f"At most {UNIQUE_PER_KIND} string or number properties may be unique")


def _exists(name: str) -> HubSpotError:
    return HubSpotError(
        409, "OBJECT_ALREADY_EXISTS", f'A property named "{name}" already exists.',
        {"subCategory": "PropertyValidationError.PROPERTY_NAME_EXISTS"},
    )  # fmt: skip

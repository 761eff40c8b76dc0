"""HubSpot's property calls: definitions and groups, created once and never twice."""

from __future__ import annotations

import re

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.definitions import make_definition
from cs_sync_sandbox.hubspot.errors import HubSpotError, make_invalid_error, make_partial_error
from cs_sync_sandbox.hubspot.portal import Portal
from cs_sync_sandbox.hubspot.values import format_instant

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
    prop = portal.definitions[kind].get(name)
    if prop is None:
        raise HubSpotError(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist on {kind}")
    return 200, prop


def create_property(portal: Portal, kind: str, fields: Json) -> tuple[int, Json]:
    """POST one definition: 409 if the name is taken."""
    _check(portal, kind, fields)
    if fields["name"] in portal.definitions[kind]:
        raise _make_exists_error(fields["name"])
    made = make_definition(fields, portal.now())
    portal.definitions[kind][fields["name"]] = made
    return 201, made


def create_properties(portal: Portal, kind: str, body: Json) -> tuple[int, Json]:
    """POST batch/create: names that are taken make a 207."""
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= 100:
        raise make_invalid_error("inputs must hold between 1 and 100 properties")
    for fields in inputs:
        _check(portal, kind, fields)
    made, errors = [], []
    for fields in inputs:
        try:
            made.append(create_property(portal, kind, fields)[1])
        except HubSpotError as error:
            errors.append(
                make_partial_error(
                    "OBJECT_ALREADY_EXISTS", error.message, {"name": [fields["name"]]}
                )
            )
    now = format_instant(portal.now())
    answer: Json = {"status": "COMPLETE", "results": made, "startedAt": now, "completedAt": now}
    if errors:
        answer |= {"numErrors": len(errors), "errors": errors}
    return 207 if errors else 201, answer


def update_property(portal: Portal, kind: str, name: str, change: Json) -> tuple[int, Json]:
    """PATCH a definition: label, description, options; its name and type stay."""
    prop = get_property(portal, kind, name)[1]
    if prop["hubspotDefined"]:
        raise make_invalid_error(f"Property {name} cannot be changed")
    changes = {k: v for k, v in change.items() if k in {"label", "description", "options"}}
    changed = make_definition({**prop, **changes}, portal.now())
    portal.definitions[kind][name] = changed
    return 200, changed


def archive_property(portal: Portal, kind: str, name: str) -> tuple[int, Json]:
    """DELETE a definition that Acme's people or an integration made."""
    prop = get_property(portal, kind, name)[1]
    if prop["hubspotDefined"]:
        raise make_invalid_error(f"Property {name} cannot be archived")
    del portal.definitions[kind][name]
    return 204, {}


def list_groups(portal: Portal, kind: str) -> tuple[int, Json]:
    """GET every property group of a kind."""
    return 200, {"results": list(portal.groups[kind].values())}


def create_group(portal: Portal, kind: str, fields: Json) -> tuple[int, Json]:
    """POST a property group: 409 if the name is taken."""
    name = fields.get("name", "")
    if not NAME.match(name) or not fields.get("label"):
        raise make_invalid_error("A property group needs a name (a-z, 0-9, _) and a label")
    if name in portal.groups[kind]:
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"Property group {name} already exists.")
    made = {
        "archived": False, "displayOrder": fields.get("displayOrder", -1),
        "label": fields["label"], "name": name,
    }  # fmt: skip
    portal.groups[kind][name] = made
    return 201, made


def _check(portal: Portal, kind: str, fields: Json) -> None:
    absent = {"name", "label", "type", "fieldType", "groupName"} - fields.keys()
    if absent:
        raise make_invalid_error(f"Required fields are missing: {sorted(absent)}")
    name, type_ = fields["name"], fields["type"]
    if not NAME.match(name):
        raise make_invalid_error(f"Property name {name!r} must match {NAME.pattern}")
    if fields["fieldType"] not in TYPES.get(type_, set()):
        raise make_invalid_error(f"fieldType {fields['fieldType']} does not go with type {type_}")
    if fields["groupName"] not in portal.groups[kind]:
        raise make_invalid_error(f"Property group {fields['groupName']} does not exist")
    if type_ == "enumeration" and not fields.get("options"):
        raise make_invalid_error(f"Enumeration {name} needs options")
    if fields.get("hasUniqueValue"):
        _check_unique(portal, kind, type_)


def _check_unique(portal: Portal, kind: str, type_: str) -> None:
    if kind in {"tasks", "notes"} and not portal.unique_task_properties:
        raise make_invalid_error(f"Unique properties are not supported for {kind}")
    taken = sum(d["hasUniqueValue"] for d in portal.definitions[kind].values())
    if type_ not in {"string", "number"} or taken >= UNIQUE_PER_KIND:
        raise make_invalid_error(
            f"At most {UNIQUE_PER_KIND} string or number properties may be unique"
        )


def _make_exists_error(name: str) -> HubSpotError:
    return HubSpotError(
        409, "OBJECT_ALREADY_EXISTS", f'A property named "{name}" already exists.',
        {"subCategory": "PropertyValidationError.PROPERTY_NAME_EXISTS"},
    )  # fmt: skip

"""Creation of the properties for our fields, with findings on obstacles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from cs_sync import FieldSpec, Finding, PermissionMissing, RequestRefused
from cs_sync_hubspot.api import HubSpotApi
from cs_sync_hubspot.idempotent_objects import KEY, parse_guarantee
from cs_sync_hubspot.transport import Json

GROUP = "cs_sync"
_LABEL = "Customer success"

_TYPES = {
    "text": ("string", "text"),
    "long_text": ("string", "textarea"),
    "number": ("number", "number"),
    "choice": ("enumeration", "select"),
    "datetime": ("datetime", "date"),
}
"""Kind of a field → HubSpot's (type, fieldType)."""

_UNIQUE_KEYS = "each {one} exists once: HubSpot refuses a second {one} with the same key"
_SEARCHED_KEYS = (
    "this portal refuses unique properties here, so {one}s are looked up by search, and on their "
    "companies, before they are created; only a {one} without a company that was created in the "
    "last minutes, and two runs on two databases, can still make a twin"
)
_SEARCHED_REMEDY = (
    "nothing to do: keep the database, whose ledger prevents these, and let one run at a time write"
)


def prepare_companies(api: HubSpotApi, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
    """Create the group and one property per field.

    Existing ones are checked, not replaced.
    """
    blocked = _ensure_group(api, "companies")
    if blocked is not None:
        yield blocked
        return
    existing = api.properties("companies")
    for field in fields:
        yield _catch_refusal(
            f"companies.{field.name}", partial(_prepare_company_property, api, field, existing)
        )


def prepare_keys(api: HubSpotApi) -> Iterator[Finding]:
    """Create the key property of tasks and notes.

    Unique where the portal allows it.
    """
    for kind in ("tasks", "notes"):
        yield _catch_refusal(f"{kind}.{KEY}", partial(_prepare_key, api, kind))


def _catch_refusal(subject: str, attempt: Callable[[], Finding]) -> Finding:
    """Run one attempt; its refusal becomes a finding.

    It stops no other property.
    """
    try:
        return attempt()
    except (RequestRefused, PermissionMissing) as error:
        return Finding(
            ok=False,
            subject=subject,
            message=error.message,
            remedy=error.remedy or _look_remedy(subject),
        )


def _look_remedy(subject: str) -> str:
    kind, _, name = subject.partition(".")
    return f"look for {name} in HubSpot → Settings → Properties → {kind}, archived ones too"


def _ensure_group(api: HubSpotApi, kind: str) -> Finding | None:
    """Ensure that our group exists; return a finding if that fails."""
    try:
        if GROUP not in api.groups(kind):
            _create_if_missing(
                api.create_group, kind, {"name": GROUP, "label": _LABEL, "displayOrder": -1}
            )
    except (RequestRefused, PermissionMissing) as error:
        return Finding(
            ok=False, subject=f"{kind} group {GROUP}", message=error.message, remedy=error.remedy
        )
    return None


def _create_if_missing(create: Callable[[str, Json], Json], kind: str, definition: Json) -> bool:
    """Create; return False if it exists (409).

    After a cut run or beside another.
    """
    try:
        create(kind, definition)
    except RequestRefused as refusal:
        if refusal.status != 409:
            raise
        return False
    return True


def _prepare_company_property(
    api: HubSpotApi, field: FieldSpec, existing: Mapping[str, Json]
) -> Finding:
    subject, definition = f"companies.{field.name}", existing.get(field.name)
    if definition is None:
        if _create_if_missing(api.create_property, "companies", build_definition(field)):
            return Finding(ok=True, subject=subject, message="created")
        definition = api.properties("companies").get(field.name)
    if definition is None:
        return Finding(
            ok=False,
            subject=subject,
            message="exists and is archived",
            remedy=_look_remedy(subject),
        )
    wrong = describe_misfit(field, definition)
    if wrong:
        return Finding(
            ok=False,
            subject=subject,
            message=f"exists, and is {wrong}",
            remedy=f"rename yours, or give our fields another prefix: [write_back] owned_prefix "
            f"(now {field.name.partition('_')[0]}_)",
        )
    lacking = [
        option
        for option in build_options(field)
        if option["value"] not in _option_values(definition)
    ]
    if lacking:
        options = [*definition.get("options", ()), *lacking]
        api.update_property("companies", field.name, {"options": options})
        return Finding(
            ok=True, subject=subject, message=f"exists; {len(lacking)} choices were added"
        )
    return Finding(ok=True, subject=subject, message="exists")


def build_definition(field: FieldSpec) -> Json:
    """Build the HubSpot property definition of a field."""
    kind, control = _TYPES[field.kind]
    definition: Json = {
        "groupName": GROUP,
        "name": field.name,
        "label": field.label,
        "description": field.description,
        "type": kind,
        "fieldType": control,
        "hasUniqueValue": False,
        "formField": False,
    }
    return {**definition, "options": build_options(field)} if field.choices else definition


def build_options(field: FieldSpec) -> list[Json]:
    """Return the choices of a field, in order."""
    return [
        {"value": value, "label": label, "displayOrder": order, "hidden": False}
        for order, (value, label) in enumerate(field.choices)
    ]


def describe_misfit(field: FieldSpec, definition: Mapping[str, Any]) -> str:
    """Describe why an existing property cannot hold a field.

    Empty if it can.
    """
    expected = _TYPES[field.kind][0]
    if definition.get("type") != expected:
        return f"of type {definition.get('type')}, where {expected} is needed"
    if (definition.get("modificationMetadata") or {}).get("readOnlyValue"):
        return "read-only"
    return "calculated" if definition.get("calculated") else ""


def _option_values(definition: Mapping[str, Any]) -> set[str]:
    return {str(option["value"]) for option in definition.get("options") or ()}


def _prepare_key(api: HubSpotApi, kind: str) -> Finding:
    subject = f"{kind}.{KEY}"
    definition = api.properties(kind).get(KEY)
    if definition is None:
        blocked = _ensure_group(api, kind)
        if blocked is not None:
            return blocked
        _create_key(api, kind)
        definition = api.properties(kind).get(KEY)
    if definition is not None and definition.get("type") != "string":
        return Finding(
            ok=False,
            subject=subject,
            message=f"exists, and is of type {definition.get('type')}, where string is needed",
            remedy=f"delete that property in HubSpot → Settings → Properties → {kind}, and run "
            "again",
        )
    guarantee = parse_guarantee(definition)
    if guarantee == "absent":
        return Finding(
            ok=False,
            subject=subject,
            message="exists and is archived",
            remedy=_look_remedy(subject),
        )
    singular = kind.removesuffix("s")
    if guarantee == "unique":
        return Finding(ok=True, subject=subject, message=_UNIQUE_KEYS.format(one=singular))
    return Finding(
        ok=True,
        subject=subject,
        message=_SEARCHED_KEYS.format(one=singular),
        remedy=_SEARCHED_REMEDY,
    )


def _create_key(api: HubSpotApi, kind: str) -> None:
    """Create the key, unique if the portal accepts it.

    HubSpot does not promise it.
    """
    definition = {
        "groupName": GROUP,
        "name": KEY,
        "label": "cs-sync key",
        "description": "What cs-sync knows this by, so that it is created once.",
        "type": "string",
        "fieldType": "text",
        "formField": False,
    }
    try:
        _create_if_missing(api.create_property, kind, {**definition, "hasUniqueValue": True})
    except RequestRefused:
        _create_if_missing(api.create_property, kind, {**definition, "hasUniqueValue": False})

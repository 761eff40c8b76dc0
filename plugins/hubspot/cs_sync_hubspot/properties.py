"""Creates the properties that our fields need, and says what stands in their way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from cs_sync import FieldSpec, Finding, PermissionMissing, RequestRefused
from cs_sync_hubspot.api import HubSpotApi
from cs_sync_hubspot.keyed import KEY, guarantee_of
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

_ONCE = "each {one} exists once: HubSpot refuses a second {one} with the same key"
_WEAKER = (
    "this portal refuses unique properties here, so {one}s are looked up by search, and on their "
    "companies, before they are created; only a {one} without a company that was created in the "
    "last minutes, and two runs on two databases, can still make a twin"
)
_KEEP = (
    "nothing to do: keep the database, whose ledger prevents these, and let one run at a time write"
)


def prepare_companies(api: HubSpotApi, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
    """The group and one property per field; what is there already is compared, never replaced."""
    blocked = _group(api, "companies")
    if blocked is not None:
        yield blocked
        return
    known = api.properties("companies")
    for field in fields:
        yield _guarded(f"companies.{field.name}", partial(_company_property, api, field, known))


def prepare_keys(api: HubSpotApi) -> Iterator[Finding]:
    """The property for the keys of tasks and of notes, unique where the portal allows it."""
    for kind in ("tasks", "notes"):
        yield _guarded(f"{kind}.{KEY}", partial(_key, api, kind))


def _guarded(subject: str, attempt: Callable[[], Finding]) -> Finding:
    """A refusal stops the one property it is about, and no other."""
    try:
        return attempt()
    except (RequestRefused, PermissionMissing) as error:
        return Finding(False, subject, error.message, error.remedy or _look(subject))


def _look(subject: str) -> str:
    kind, _, name = subject.partition(".")
    return f"look for {name} in HubSpot → Settings → Properties → {kind}, archived ones too"


def _group(api: HubSpotApi, kind: str) -> Finding | None:
    """Make sure of our group; a Finding when that cannot be."""
    try:
        if GROUP not in api.groups(kind):
            _tolerant(api.create_group, kind, {"name": GROUP, "label": _LABEL, "displayOrder": -1})
    except (RequestRefused, PermissionMissing) as error:
        return Finding(False, f"{kind} group {GROUP}", error.message, error.remedy)
    return None


def _tolerant(create: Callable[[str, Json], Json], kind: str, definition: Json) -> bool:
    """Create; False when it exists (409), as after a run that was cut short, or beside another."""
    try:
        create(kind, definition)
    except RequestRefused as refusal:
        if refusal.status != 409:
            raise
        return False
    return True


def _company_property(api: HubSpotApi, field: FieldSpec, known: Mapping[str, Json]) -> Finding:
    subject, there = f"companies.{field.name}", known.get(field.name)
    if there is None:
        if _tolerant(api.create_property, "companies", definition_of(field)):
            return Finding(True, subject, "created")
        there = api.properties("companies").get(field.name)
    if there is None:
        return Finding(False, subject, "exists and is archived", _look(subject))
    wrong = unfit(field, there)
    if wrong:
        return Finding(
            False,
            subject,
            f"exists, and is {wrong}",
            f"rename yours, or give our fields another prefix: [write_back] owned_prefix "
            f"(now {field.name.partition('_')[0]}_)",
        )
    lacking = [option for option in options_of(field) if option["value"] not in _values(there)]
    if lacking:
        options = [*there.get("options", ()), *lacking]
        api.update_property("companies", field.name, {"options": options})
        return Finding(True, subject, f"exists; {len(lacking)} choices were added")
    return Finding(True, subject, "exists")


def definition_of(field: FieldSpec) -> Json:
    """How HubSpot is told of a field."""
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
    return {**definition, "options": options_of(field)} if field.choices else definition


def options_of(field: FieldSpec) -> list[Json]:
    """The choices of a field, in order."""
    return [
        {"value": value, "label": label, "displayOrder": order, "hidden": False}
        for order, (value, label) in enumerate(field.choices)
    ]


def unfit(field: FieldSpec, there: Mapping[str, Any]) -> str:
    """Why a property that exists cannot hold a field; empty when it can."""
    wanted = _TYPES[field.kind][0]
    if there.get("type") != wanted:
        return f"of type {there.get('type')}, where {wanted} is needed"
    if (there.get("modificationMetadata") or {}).get("readOnlyValue"):
        return "read-only"
    return "calculated" if there.get("calculated") else ""


def _values(there: Mapping[str, Any]) -> set[str]:
    return {str(option["value"]) for option in there.get("options") or ()}


def _key(api: HubSpotApi, kind: str) -> Finding:
    subject = f"{kind}.{KEY}"
    there = api.properties(kind).get(KEY)
    if there is None:
        blocked = _group(api, kind)
        if blocked is not None:
            return blocked
        _create_key(api, kind)
        there = api.properties(kind).get(KEY)
    if there is not None and there.get("type") != "string":
        return Finding(
            False,
            subject,
            f"exists, and is of type {there.get('type')}, where string is needed",
            f"delete that property in HubSpot → Settings → Properties → {kind}, and run again",
        )
    guarantee = guarantee_of(there)
    if guarantee == "absent":
        return Finding(False, subject, "exists and is archived", _look(subject))
    one = kind.removesuffix("s")
    if guarantee == "unique":
        return Finding(True, subject, _ONCE.format(one=one))
    return Finding(True, subject, _WEAKER.format(one=one), _KEEP)


def _create_key(api: HubSpotApi, kind: str) -> None:
    """Unique if the portal takes it there, which HubSpot does not promise; else plain."""
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
        _tolerant(api.create_property, kind, {**definition, "hasUniqueValue": True})
    except RequestRefused:
        _tolerant(api.create_property, kind, {**definition, "hasUniqueValue": False})

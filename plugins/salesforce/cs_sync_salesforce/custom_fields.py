"""Creation of our fields, and of the permission set that shows them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cs_sync import FieldSpec, Finding, PermissionMissing, RequestRefused
from cs_sync_salesforce.batches import MAX_RECORDS
from cs_sync_salesforce.client import SalesforceClient
from cs_sync_salesforce.errors import format_errors, get_code
from cs_sync_salesforce.keyed_tasks import parse_guarantee
from cs_sync_salesforce.soql import build_query, quote_text
from cs_sync_salesforce.tasks import KEY
from cs_sync_salesforce.values import name_field

Json = dict[str, Any]
Shown = Mapping[str, Mapping[str, Json]]
"""Object → the fields that the user sees, by name."""

PERMISSION_SET = "cs_sync"
PERMISSION_SET_LABEL = "cs-sync"
_TYPES: Mapping[str, tuple[str, Json]] = {
    "text": ("string", {"type": "Text", "length": 255}),
    "long_text": ("textarea", {"type": "LongTextArea", "length": 32_768, "visibleLines": 6}),
    "number": ("double", {"type": "Number", "precision": 18, "scale": 4}),
    "choice": ("picklist", {"type": "Picklist"}),
    "datetime": ("datetime", {"type": "DateTime"}),
}
"""Kind of a field → Salesforce's type of it, and its definition."""
_EXISTS = "DUPLICATE_DEVELOPER_NAME"
_UNIQUE = "each task exists once: Salesforce refuses a second one with the same key"
_LOOKED_UP = (
    "this org refuses a unique field on activities, so tasks are looked up by their key before they"
    " are created; two runs on two databases at once can still make a twin"
)
_ONE_AT_A_TIME = "nothing to do: let one run at a time write"


@dataclass(frozen=True, slots=True)
class Definition:
    """A field of ours: where it is made and shown, its name, type, and how it is made.

    `otherwise` is asked for where an org refuses the first.
    """

    target: str
    sobject: str
    name: str
    kind: str
    metadata: Json
    otherwise: Json | None = None

    @property
    def subject(self) -> str:
        """What findings call it."""
        return f"{self.sobject}.{self.name}"


def prepare_fields(client: SalesforceClient, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
    """Create missing fields, and show them to the user.

    Existing ones are not changed. A new one is seen by nobody but through a permission.
    """
    definitions = [*map(build_definition, fields), build_key()]
    shown = _describe(client)
    missing = [each for each in definitions if each.name not in shown[each.sobject]]
    attempts = {each.subject: _create(client, each) for each in missing}
    obstacles = {subject: finding for subject, finding in attempts.items() if finding}
    existing = [each for each in definitions if each.subject not in obstacles]
    if missing and existing:
        obstacles |= grant_access(client, existing)
        shown = _describe(client)
    for each in definitions:
        yield _judge(each, shown, obstacles.get(each.subject), made=each in missing)


def build_definition(spec: FieldSpec) -> Definition:
    """Build the definition of one of our fields of accounts."""
    kind, metadata = _TYPES[spec.kind]
    whole = {**metadata, "label": spec.label[:40], "description": spec.description[:1000]}
    whole["inlineHelpText"] = spec.description[:510]
    otherwise = None
    if spec.choices:
        otherwise = {**whole, "valueSet": _build_values(spec, "fullName")}
        whole["valueSet"] = _build_values(spec, "valueName")
    return Definition("Account", "Account", name_field(spec.name), kind, whole, otherwise)


def _build_values(spec: FieldSpec, name: str) -> Json:
    """Build a pick list whose values are named by `name`.

    Salesforce's two descriptions of it differ in that.
    """
    values = [{name: value, "label": label, "default": False} for value, label in spec.choices]
    return {"valueSetDefinition": {"sorted": False, "value": values}}


def build_key() -> Definition:
    """Build the definition of the key of tasks."""
    plain = {
        "type": "Text",
        "length": 255,
        "label": "cs-sync key",
        "description": "What cs-sync knows this by, so that it is created once.",
        "externalId": True,
    }
    unique = {**plain, "unique": True, "caseSensitive": True}
    return Definition("Activity", "Task", KEY, "string", unique, plain)


def _describe(client: SalesforceClient) -> Shown:
    return {sobject: client.describe_object(sobject) for sobject in ("Account", "Task")}


def _create(client: SalesforceClient, field: Definition) -> Finding | None:
    """Create a field and return what is in the way."""
    message = ""
    for metadata in filter(None, (field.metadata, field.otherwise)):
        try:
            client.create_field(f"{field.target}.{field.name}", metadata)
        except (RequestRefused, PermissionMissing) as error:
            if get_code(error.body) == _EXISTS:
                return None
            message = message or error.message
        else:
            return None
    remedy = (
        "give the user of the external client app Customize Application, or create it by hand in"
        f" Setup → Object Manager → {field.target} as {field.metadata['type']}"
    )
    return Finding(ok=False, subject=field.subject, message=message, remedy=remedy)


def grant_access(client: SalesforceClient, fields: Sequence[Definition]) -> dict[str, Finding]:
    """Show the fields to the user through a permission set.

    Returns what is in the way, by field.
    """
    try:
        user = client.read_user_id()
        own = _find_one(client, "PermissionSet", f"Name = {quote_text(PERMISSION_SET)}")
        if own is None:
            made = {"Name": PERMISSION_SET, "Label": PERMISSION_SET_LABEL}
            own = _insert_one(client, "PermissionSet", made)
        parent = f"ParentId = {quote_text(own)}"
        query = build_query(("Id", "Field"), "FieldPermissions", parent)
        known = {str(each["Field"]) for each in client.query_to_end(query)}
        refused = dict(
            _add_permissions(client, own, [each for each in fields if each.subject not in known])
        )
        conditions = (f"AssigneeId = {quote_text(user)}", f"PermissionSetId = {quote_text(own)}")
        if _find_one(client, "PermissionSetAssignment", *conditions) is None:
            ends = {"AssigneeId": user, "PermissionSetId": own}
            _insert_one(client, "PermissionSetAssignment", ends)
    except (RequestRefused, PermissionMissing) as error:
        return {each.subject: _make_obstacle(each, error.message) for each in fields}
    return refused


def _add_permissions(
    client: SalesforceClient, parent: str, fields: Sequence[Definition]
) -> Iterator[tuple[str, Finding]]:
    for start in range(0, len(fields), MAX_RECORDS):
        part = fields[start : start + MAX_RECORDS]
        records = [
            {
                "attributes": {"type": "FieldPermissions"},
                "ParentId": parent,
                "SobjectType": each.sobject,
                "Field": each.subject,
                "PermissionsRead": True,
                "PermissionsEdit": True,
            }
            for each in part
        ]
        for each, result in zip(part, client.insert(records), strict=True):
            if not result["success"]:
                yield each.subject, _make_obstacle(each, format_errors(result["errors"]))


def _make_obstacle(field: Definition, message: str) -> Finding:
    remedy = (
        f"let the user see and edit it: Setup → Object Manager → {field.target} → Fields →"
        f" {field.name} → Set Field-Level Security"
    )
    return Finding(ok=False, subject=field.subject, message=message, remedy=remedy)


def _find_one(client: SalesforceClient, sobject: str, *conditions: str) -> str | None:
    records = client.query(build_query(("Id",), sobject, *conditions))["records"]
    return str(records[0]["Id"]) if records else None


def _insert_one(client: SalesforceClient, sobject: str, values: Json) -> str:
    """Create one record and return its id.

    Raises:
        RequestRefused: Salesforce says why not.
    """
    (result,) = client.insert([{"attributes": {"type": sobject}, **values}])
    if not result["success"]:
        words = format_errors(result["errors"])
        raise RequestRefused(f"Salesforce refused {sobject} {PERMISSION_SET}: {words}")
    return str(result["id"])


def _judge(field: Definition, shown: Shown, obstacle: Finding | None, *, made: bool) -> Finding:
    """Return whether a field can hold what we write, or why not."""
    actual = shown[field.sobject].get(field.name)
    if actual is None:
        return obstacle or _make_obstacle(field, "exists, and the user may not see it")
    wrong = describe_misfit(field, actual)
    if wrong:
        remedy = "rename yours, or give our fields another prefix: [write_back] owned_prefix"
        if field.name == KEY:
            remedy = f"delete it in Setup → Object Manager → {field.target}, and run again"
        return Finding(
            ok=False, subject=field.subject, message=f"exists, and {wrong}", remedy=remedy
        )
    if field.name != KEY:
        message = "created" if made else "exists"
        return Finding(ok=True, subject=field.subject, message=message)
    if parse_guarantee(actual) == "unique":
        return Finding(ok=True, subject=field.subject, message=_UNIQUE)
    return Finding(ok=True, subject=field.subject, message=_LOOKED_UP, remedy=_ONE_AT_A_TIME)


def describe_misfit(field: Definition, actual: Mapping[str, Any]) -> str:
    """Describe why an existing field cannot hold ours; empty if it can."""
    if actual.get("type") != field.kind:
        return f"is of type {actual.get('type')}, where {field.kind} is needed"
    if actual.get("calculated"):
        return "is a formula"
    if field.name == KEY and not actual.get("externalId"):
        return "is not an external id"
    return "" if actual.get("updateable") else "the user may not edit it"

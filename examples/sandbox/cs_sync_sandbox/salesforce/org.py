"""A Salesforce org: records with a recycle bin, custom fields, and who may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cs_sync_sandbox.salesforce.soql import Query, parse_query

Record = dict[str, Any]

BIN_DAYS = timedelta(days=15)
"""How long the recycle bin keeps what was deleted."""
_AUDIT = ("Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp")
_READ_ONLY = frozenset((*_AUDIT, "MasterRecordId", "IsClosed", "CompletedDateTime"))
PERMISSIONS = (
    "PermissionsCustomizeApplication",
    "PermissionsManageProfilesPermissionsets",
    "PermissionsAssignPermissionSets",
)
FIELDS: Mapping[str, tuple[str, ...]] = {
    "User": ("Name", "Email", "IsActive", "UserType"),
    "Account": (
        *("MasterRecordId", "Name", "Website", "OwnerId", "Industry", "Type"),
        *("BillingCountry", "NumberOfEmployees"),
    ),
    "Contact": ("MasterRecordId", "AccountId", "Name", "Email", "Title"),
    "Opportunity": ("AccountId", "Name", "Type", "CloseDate", "IsClosed", "StageName"),
    "Task": (
        *("Subject", "Description", "Status", "Priority", "ActivityDate", "WhatId", "WhoId"),
        *("OwnerId", "IsClosed", "CompletedDateTime", "TaskSubtype"),
    ),
    "TaskStatus": ("ApiName", "IsClosed", "IsDefault", "SortOrder"),
    "TaskPriority": ("ApiName", "IsHighPriority", "IsDefault", "SortOrder"),
    "PermissionSet": ("Name", "Label", "Description", *PERMISSIONS),
    "FieldPermissions": ("ParentId", "SobjectType", "Field", "PermissionsRead", "PermissionsEdit"),
    "PermissionSetAssignment": ("AssigneeId", "PermissionSetId"),
}
PREFIXES = {
    "User": "005", "Account": "001", "Contact": "003", "Opportunity": "006", "Task": "00T",
    "TaskStatus": "01J", "TaskPriority": "01K", "PermissionSet": "0PS",
    "FieldPermissions": "01k", "PermissionSetAssignment": "0Pa",
}  # fmt: skip
CHILDREN = {("Account", "Opportunities"): ("Opportunity", "AccountId")}
REFERENCES = {"WhatId": "Account", "WhoId": "Contact", "OwnerId": "User", "AccountId": "Account"}
_STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
_PRIORITIES = ("High", "Normal", "Low")


class OrgError(Exception):
    """A refusal, with Salesforce's code and the fields that it names."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, fields


@dataclass
class CustomField:
    """A field that somebody made; without a permission nobody sees it in the API."""

    name: str
    metadata: Mapping[str, Any]
    visible: bool = False


@dataclass
class Org:
    """The state of one org; `now` is its clock."""

    now: Callable[[], datetime]
    unique_activity_fields: bool = True
    """Whether it accepts a unique field on activities."""
    may_customize: bool = True
    hidden: set[str] = field(default_factory=set)
    """Objects that the user of the integration may not read."""
    api_limit: int = 100_000
    api_used: int = 0
    page_size: int = 2000
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    custom: dict[str, dict[str, CustomField]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Add what every org has: pick lists, and a user."""
        self.records = {name: {} for name in FIELDS}
        self.custom = {"Account": {}, "Task": {}}
        for number, name in enumerate(_STATUSES):
            facts = {"IsClosed": name == "Completed", "IsDefault": number == 0}
            self.insert("TaskStatus", {"ApiName": name, "SortOrder": number, **facts})
        for number, name in enumerate(_PRIORITIES):
            facts = {"IsHighPriority": number == 0, "IsDefault": number == 1}
            self.insert("TaskPriority", {"ApiName": name, "SortOrder": number, **facts})
        me = {"Name": "cs-sync", "IsActive": True, "UserType": "Standard"}
        self.user_id = self.insert("User", me)["Id"]
        granted = dict.fromkeys(PERMISSIONS, self.may_customize)
        profile = self.insert("PermissionSet", {"Name": "X00e", "Label": "", **granted})
        ends = {"AssigneeId": self.user_id, "PermissionSetId": profile["Id"]}
        self.insert("PermissionSetAssignment", ends)

    def write_time(self, at: datetime) -> str:
        """Return a time as the API writes it, to the second."""
        return f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"

    def insert(
        self, sobject: str, values: Mapping[str, Any], ago: timedelta | None = None
    ) -> Record:
        """Create a record, or raise why it cannot be."""
        values = self._check_values(sobject, values)
        number = len(self.records[sobject]) + 1
        id_ = f"{PREFIXES[sobject]}{number:012d}AAA"
        made = self.write_time(self.now() - (ago or timedelta(0)))
        audit = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), made)
        record = {"Id": id_, "IsDeleted": False, "IsClosed": False, **audit, **values}
        if sobject == "Task":
            record = {
                "Status": _STATUSES[0],
                "Priority": "Normal",
                "OwnerId": self.user_id,
            } | record
        if sobject == "FieldPermissions":
            self._require_field(record["Field"])
        self._refuse_twin(sobject, record)
        self.records[sobject][id_] = record
        self._settle(sobject, record)
        return record

    def update(self, sobject: str, id_: str, values: Mapping[str, Any]) -> Record:
        """Change a record, or raise why it cannot be."""
        record = self.records[sobject].get(id_)
        if record is None:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if record["IsDeleted"]:
            raise OrgError("ENTITY_IS_DELETED", "entity is deleted")
        record |= self._check_values(sobject, values)
        self._settle(sobject, record)
        self.touch(record)
        return record

    def upsert(self, sobject: str, key: str, values: Mapping[str, Any]) -> tuple[Record, bool]:
        """Change the record with this external id, or create it."""
        definition = self.custom[sobject].get(key)
        if definition is None or not definition.metadata.get("externalId"):
            raise OrgError("INVALID_FIELD", f"Field name provided, {key}, is not an External ID")
        same = [
            record
            for record in self.records[sobject].values()
            if record.get(key) == values[key] and not record["IsDeleted"]
        ]
        if len(same) > 1:
            raise OrgError("DUPLICATE_EXTERNAL_ID", f"{key} specified more than once", (key,))
        if same:
            return self.update(sobject, same[0]["Id"], values), False
        return self.insert(sobject, values), True

    def delete(self, sobject: str, id_: str, survivor: str | None = None) -> None:
        """Put a record into the recycle bin, or merge it."""
        record = self.records[sobject][id_]
        record |= {"IsDeleted": True, "MasterRecordId": survivor}
        self.touch(record)

    def touch(self, record: Record) -> None:
        """Note that a record changed now."""
        at = self.write_time(self.now())
        record |= {"LastModifiedDate": at, "SystemModstamp": at}

    def list_live(self, sobject: str) -> list[Record]:
        """Return the records that are not deleted."""
        return [record for record in self.records[sobject].values() if not record["IsDeleted"]]

    def run_query(self, text: str, *, everything: bool) -> tuple[Query, list[Record]]:
        """Return a query and its records; with `everything` deleted ones too."""

        def run(query: Query) -> list[Record]:
            return self._select(query, everything=everything)

        query = parse_query(text, run)
        return query, [self._show(query, row, everything=everything) for row in run(query)]

    def create_field(self, full_name: str, metadata: Mapping[str, Any]) -> None:
        """Create a custom field; nobody sees it yet."""
        sobject, name = full_name.split(".")
        sobject = "Task" if sobject == "Activity" else sobject
        if not self.may_customize:
            raise OrgError("INSUFFICIENT_ACCESS", "insufficient access rights on entity")
        if name in self.custom[sobject]:
            message = f"There is already a field named {name} on {sobject}."
            raise OrgError("DUPLICATE_DEVELOPER_NAME", message)
        values = metadata.get("valueSet", {}).get("valueSetDefinition", {}).get("value", ())
        if any("valueName" not in value for value in values):
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", "Required field is missing: valueName")
        if sobject == "Task" and metadata.get("unique") and not self.unique_activity_fields:
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", "Can not specify 'unique' for this field")
        self.custom[sobject][name] = CustomField(name, metadata)

    def list_fields(self, sobject: str) -> set[str]:
        """Return the fields that the user of the integration sees."""
        own = {f.name for f in self.custom.get(sobject, {}).values() if f.visible}
        return {*_AUDIT, *FIELDS[sobject], *own}

    def _select(self, query: Query, *, everything: bool) -> list[Record]:
        if query.sobject not in FIELDS or query.sobject in self.hidden:
            message = f"sObject type '{query.sobject}' is not supported."
            raise OrgError("INVALID_TYPE", message)
        self._require_fields(query, query.sobject)
        for child in query.children:
            sobject, _ = CHILDREN[query.sobject, child.sobject]
            if sobject in self.hidden:
                message = f"Didn't understand relationship '{child.sobject}' in field path."
                raise OrgError("INVALID_FIELD", message)
            self._require_fields(child, sobject)
        rows = self._list_present(query.sobject, everything=everything)
        return [dict(row) for row in query.select(rows)]

    def _require_fields(self, query: Query, sobject: str) -> None:
        unknown = sorted(query.used - self.list_fields(sobject))
        if unknown:
            message = f"No such column '{unknown[0]}' on entity '{sobject}'."
            raise OrgError("INVALID_FIELD", message)

    def _list_present(self, sobject: str, *, everything: bool) -> Iterator[Record]:
        purged = self.now() - BIN_DAYS
        for record in self.records[sobject].values():
            changed = datetime.fromisoformat(record["SystemModstamp"])
            if not record["IsDeleted"] or (everything and changed > purged):
                yield record

    def _show(self, query: Query, row: Record, *, everything: bool) -> Record:
        url = f"/services/data/v67.0/sobjects/{query.sobject}/{row['Id']}"
        shown: Record = {"attributes": {"type": query.sobject, "url": url}}
        shown |= {name: row.get(name) for name in query.columns}
        for child in query.children:
            sobject, parent = CHILDREN[query.sobject, child.sobject]
            present = self._list_present(sobject, everything=everything)
            own = [dict(each) for each in child.select(present) if each[parent] == row["Id"]]
            rows = [{name: each.get(name) for name in child.columns} for each in own]
            whole = {"totalSize": len(rows), "done": True, "records": rows}
            shown[child.sobject] = whole if rows else None
        return shown

    def _check_values(self, sobject: str, values: Mapping[str, Any]) -> Record:
        own, fields = self.custom.get(sobject, {}), self.list_fields(sobject)
        for name, value in values.items():
            if name not in fields:
                message = f"No such column '{name}' on sobject of type {sobject}"
                raise OrgError("INVALID_FIELD", message)
            target = REFERENCES.get(name)
            if target and value is not None and sobject in ("Task", "Contact", "Opportunity"):
                self._require_reference(name, self.records[target].get(value))
            length = own[name].metadata.get("length", 0) if name in own else _LENGTHS.get(name, 0)
            if isinstance(value, str) and length and len(value) > length:
                message = f"{name}: data value too large (max length={length})"
                raise OrgError("STRING_TOO_LONG", message, (name,))
        return {name: _store(value) for name, value in values.items()}

    def _require_reference(self, name: str, record: Record | None) -> None:
        if record is None:
            message = f"{name}: id value of incorrect type or unknown"
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", message, (name,))
        if record["IsDeleted"]:
            raise OrgError("ENTITY_IS_DELETED", "entity is deleted", (name,))

    def _require_field(self, full_name: str) -> None:
        sobject, name = full_name.split(".")
        if name not in self.custom[sobject]:
            message = f"Field Name: bad value for restricted picklist field: {full_name}"
            raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Field",))

    def _refuse_twin(self, sobject: str, record: Record) -> None:
        for definition in self.custom.get(sobject, {}).values():
            value = record.get(definition.name)
            if value is None or not definition.metadata.get("unique"):
                continue
            for other in self.list_live(sobject):
                if other.get(definition.name) == value:
                    message = (
                        f"duplicate value found: {definition.name} duplicates value on record"
                        f" with id: {other['Id'][:15]}"
                    )
                    raise OrgError("DUPLICATE_VALUE", message)

    def _settle(self, sobject: str, record: Record) -> None:
        """Set what follows from other fields."""
        if sobject == "Task":
            closed = record["Status"] == "Completed"
            at = record.get("CompletedDateTime") or self.write_time(self.now())
            record |= {"IsClosed": closed, "CompletedDateTime": at if closed else None}
        if sobject == "FieldPermissions" and record.get("PermissionsEdit"):
            sobject, name = record["Field"].split(".")
            self.custom[sobject][name].visible = True


_LENGTHS = {"Subject": 255, "Description": 32_000, "Name": 255}


def _store(value: Any) -> Any:
    """Return a value as it is stored; empty texts are null."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip() or None
    return value

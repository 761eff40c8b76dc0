"""The property definitions a portal has before anybody adds one."""

from __future__ import annotations

from datetime import datetime

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.values import format_instant

READ_ONLY = frozenset(
    {
        "hs_object_id", "createdate", "hs_createdate", "hs_lastmodifieddate", "lastmodifieddate",
        "hs_merged_object_ids", "num_associated_contacts", "hs_additional_domains",
        "hs_task_completion_date", "associatedcompanyid", "notes_last_contacted",
    }
)  # fmt: skip

# name: type, or the options of an enumeration; `custom` ones were made by Acme's own people.
COMPANY = {
    "name": "string", "domain": "string", "hs_additional_domains": "string",
    "hubspot_owner_id": "owner", "industry": "string", "country": "string",
    "numberofemployees": "number", "annualrevenue": "number",
    "lifecyclestage": "lead customer other", "hs_parent_company_id": "number",
    "num_associated_contacts": "number", "hs_merged_object_ids": "string",
    "notes_last_contacted": "datetime", "hs_object_id": "number", "createdate": "datetime",
    "hs_lastmodifieddate": "datetime", "account_id": "custom",
}  # fmt: skip
CONTACT = {
    "email": "string", "hs_additional_emails": "string", "firstname": "string",
    "lastname": "string", "jobtitle": "string", "associatedcompanyid": "number",
    "hubspot_owner_id": "owner", "hs_merged_object_ids": "string", "hs_object_id": "number",
    "createdate": "datetime", "lastmodifieddate": "datetime", "user_id": "custom",
}  # fmt: skip
FEEDBACK = {
    "hs_survey_type": "NPS CSAT CES CUSTOM", "hs_survey_id": "number",
    "hs_survey_name": "string", "hs_survey_channel": "EMAIL WEB", "hs_value": "number",
    "hs_response_group": "string", "hs_sentiment": "string", "hs_content": "string",
    "hs_submission_timestamp": "datetime", "hs_contact_id": "number",
    "hs_object_id": "number", "hs_createdate": "datetime", "hs_lastmodifieddate": "datetime",
}  # fmt: skip
TASK = {
    "hs_timestamp": "datetime", "hs_task_subject": "string", "hs_task_body": "string",
    "hs_task_status": "NOT_STARTED IN_PROGRESS COMPLETED WAITING DEFERRED",
    "hs_task_priority": "NONE LOW MEDIUM HIGH", "hs_task_type": "TODO CALL EMAIL",
    "hs_task_reminders": "string", "hs_task_completion_date": "datetime",
    "hubspot_owner_id": "owner", "hs_object_id": "number", "hs_createdate": "datetime",
    "hs_lastmodifieddate": "datetime",
}  # fmt: skip
NOTE = {
    "hs_timestamp": "datetime", "hs_note_body": "string", "hubspot_owner_id": "owner",
    "hs_object_id": "number", "hs_createdate": "datetime", "hs_lastmodifieddate": "datetime",
}  # fmt: skip
DEFAULTS = {
    "companies": COMPANY, "contacts": CONTACT, "feedback_submissions": FEEDBACK, "tasks": TASK,
    "notes": NOTE,
}  # fmt: skip
GROUPS = {
    "companies": ("companyinformation", "Company information"),
    "contacts": ("contactinformation", "Contact information"),
    "feedback_submissions": ("feedback_submission_information", "Feedback submission"),
    "tasks": ("task_information", "Task information"),
    "notes": ("note_information", "Note information"),
}
# What an answer carries even when other properties were asked for, and when none was.
ALWAYS = {
    "companies": ("createdate", "hs_lastmodifieddate", "hs_object_id"),
    "contacts": ("createdate", "hs_object_id", "lastmodifieddate"),
    "feedback_submissions": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    "tasks": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    "notes": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
}
UNASKED = {
    "companies": ("domain", "name"), "contacts": ("email", "firstname", "lastname"),
    "feedback_submissions": (), "tasks": (), "notes": (),
}  # fmt: skip


def get_modified_name(kind: str) -> str:
    """Return the property that holds when a record changed."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def get_created_name(kind: str) -> str:
    """Return the property that holds when a record was made."""
    return "createdate" if kind in {"companies", "contacts"} else "hs_createdate"


def list_built_in(kind: str, made_at: datetime) -> dict[str, Json]:
    """Return the definitions of a kind of record by name."""
    return {
        name: _make_built_in(kind, name, what, made_at) for name, what in DEFAULTS[kind].items()
    }


def _make_built_in(kind: str, name: str, what: str, made_at: datetime) -> Json:
    options = what.split() if " " in what else []
    type_ = "enumeration" if options or what == "owner" else what
    if what == "custom":
        type_ = "string"
    field = {"enumeration": "select", "number": "number", "datetime": "date"}.get(type_, "text")
    locked = name in READ_ONLY
    return make_definition(
        {
            "name": name, "label": name.removeprefix("hs_").replace("_", " ").capitalize(),
            "type": type_, "fieldType": field, "groupName": GROUPS[kind][0],
            "options": [{"label": o, "value": o} for o in options],
            "externalOptions": what == "owner", "hubspotDefined": what != "custom",
            "modificationMetadata": {
                "archivable": what == "custom", "readOnlyDefinition": what != "custom",
                "readOnlyOptions": what != "custom", "readOnlyValue": locked,
            },
        },
        made_at,
    )  # fmt: skip


def make_definition(fields: Json, made_at: datetime) -> Json:
    """Return a whole definition from what was given of it."""
    options = [
        {
            "label": option["label"], "value": option["value"],
            "displayOrder": option.get("displayOrder", index),
            "hidden": option.get("hidden", False), "description": option.get("description", ""),
        }
        for index, option in enumerate(fields.get("options") or [])
    ]  # fmt: skip
    blank: Json = {
        "archived": False, "calculated": False, "createdAt": format_instant(made_at),
        "description": "",
        "displayOrder": -1, "externalOptions": False, "formField": False,
        "hasUniqueValue": False, "hidden": False, "hubspotDefined": False,
        "modificationMetadata": {
            "archivable": True, "readOnlyDefinition": False, "readOnlyOptions": False,
            "readOnlyValue": False,
        },
        "updatedAt": format_instant(made_at),
    }  # fmt: skip
    return {**blank, **fields, "options": options}

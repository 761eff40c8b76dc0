"""Follow-ups as Salesforce's tasks, and their news as completed ones in the activity history."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync import Op, RemoteObject, Value
from cs_sync_salesforce.mapping import parse_time
from cs_sync_salesforce.values import (
    MAX_DESCRIPTION,
    MAX_SUBJECT,
    format_day,
    format_line,
    format_text,
    parse_day,
)

Json = dict[str, Any]

KEY = "cs_sync_key__c"
"""The field of activities that holds our key: an external id, unique where the org allows it."""
COLUMNS = (
    *("Id", KEY, "IsDeleted", "Status", "IsClosed", "CompletedDateTime", "Subject", "Description"),
    *("ActivityDate", "Priority", "OwnerId", "WhatId"),
)
_TYPE = {"type": "Task"}


@dataclass(frozen=True, slots=True)
class TaskLists:
    """An org's own names: of new and completed tasks, and of our three priorities."""

    new: str
    completed: str
    priorities: Mapping[str, str]


def parse_lists(statuses: Sequence[Json], priorities: Sequence[Json]) -> TaskLists:
    """Return an org's names from its pick lists, in their order."""
    names = [str(each["ApiName"]) for each in priorities]
    usual = _find_name(priorities, "IsDefault", "Normal")
    by_level = {
        "high": _find_name(priorities, "IsHighPriority", "High"),
        "medium": usual,
        "low": "Low" if "Low" in names else usual,
    }
    new = _find_name(statuses, "IsDefault", "Not Started")
    return TaskLists(new, _find_name(statuses, "IsClosed", "Completed"), by_level)


def _find_name(items: Sequence[Json], mark: str, otherwise: str) -> str:
    return next((str(each["ApiName"]) for each in items if each.get(mark)), otherwise)


def build_task(op: Op, lists: TaskLists, zone: ZoneInfo) -> Json:
    """Build the task of a follow-up.

    Without a status: a new one has the org's own, and one that exists keeps its.
    """
    subtype = "Call" if op.fields.get("kind") == "call" else "Task"
    record = {
        "attributes": _TYPE,
        KEY: op.key,
        **_build_fields(op.fields, lists, zone),
        "TaskSubtype": subtype,
        "WhatId": op.account_remote_id,
        "WhoId": op.contact_remote_id,
        "OwnerId": op.owner_remote_id,
    }
    return {name: value for name, value in record.items() if value is not None}


def _build_fields(fields: Mapping[str, Value], lists: TaskLists, zone: ZoneInfo) -> dict[str, str]:
    """Build Salesforce's fields of those of a follow-up that are known."""
    made: Mapping[str, tuple[str, Callable[[Value], str]]] = {
        "title": ("Subject", lambda value: format_line(str(value), MAX_SUBJECT)),
        "body": ("Description", lambda value: format_text(str(value), MAX_DESCRIPTION)),
        "due_at": ("ActivityDate", lambda value: format_day(value, zone)),
        "priority": ("Priority", lambda value: lists.priorities[str(value)]),
    }
    return {
        name: build(fields[field])
        for field, (name, build) in made.items()
        if fields.get(field) is not None
    }


def build_note(op: Op, lists: TaskLists, zone: ZoneInfo) -> Json:
    """Build the completed task that tells news of a follow-up."""
    record = {
        "attributes": _TYPE,
        KEY: op.key,
        "Subject": format_line(str(op.fields["title"]), MAX_SUBJECT),
        "Description": format_text(str(op.fields["body"]), MAX_DESCRIPTION),
        "ActivityDate": format_day(op.fields["at"], zone),
        "Status": lists.completed,
        "WhatId": op.account_remote_id,
    }
    return {name: value for name, value in record.items() if value is not None}


def build_revision(op: Op, task: Json, lists: TaskLists, zone: ZoneInfo) -> Json:
    """Build the change of a task, without what people have changed."""
    if op.fields.get("status") == "closed":
        return {"Status": lists.completed}
    before, now = (_build_fields(each, lists, zone) for each in (op.before, op.fields))
    return {name: v for name, v in now.items() if _is_as_written(task.get(name), before.get(name))}


def _is_as_written(shown: Any, written: str | None) -> bool:
    return str(shown or "").split() == (written or "").split()


def address_record(op: Op, change: Json) -> Json:
    """Return a change with the task that it is for."""
    return {"attributes": _TYPE, "id": op.remote_id, **change}


def is_untouched(task: Mapping[str, Any], lists: TaskLists) -> bool:
    """Return whether nobody began, completed or deleted a task."""
    return task["Status"] == lists.new and not task["IsClosed"] and not task["IsDeleted"]


def map_task(key: str, task: Json, lists: TaskLists, zone: ZoneInfo) -> RemoteObject:
    """Map a task to a follow-up; `status` is the org's own value."""
    levels = {name: level for level, name in lists.priorities.items()}
    fields = {
        "status": task["Status"],
        "done": bool(task["IsClosed"]),
        "touched": not is_untouched(task, lists),
        "done_at": parse_time(task["CompletedDateTime"]),
        "title": task["Subject"],
        "due_at": parse_day(task["ActivityDate"], zone),
        "priority": levels.get(task["Priority"]),
        "owner_remote_id": task["OwnerId"],
    }
    return RemoteObject(key, str(task["Id"]), fields)

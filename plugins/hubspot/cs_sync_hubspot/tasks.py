"""Follow-ups as HubSpot tasks: creation, closing, and status."""

from collections.abc import Mapping

from cs_sync import Op, RemoteObject, Value
from cs_sync_hubspot.batches import TRACE
from cs_sync_hubspot.idempotent_objects import KEY, associate
from cs_sync_hubspot.objects import parse_time, read_text
from cs_sync_hubspot.text import format_body, format_value, join_line, parse_html
from cs_sync_hubspot.transport import Json

TASK_TO_COMPANY, TASK_TO_CONTACT = 192, 204
NOT_STARTED = "NOT_STARTED"
COMPLETED = "COMPLETED"
STATUS = "hs_task_status"
TASK_PROPERTIES = (
    STATUS,
    "hs_task_subject",
    "hs_task_priority",
    "hs_task_type",
    "hs_task_completion_date",
    "hs_timestamp",
    "hubspot_owner_id",
)


REVISED = ("hs_task_body", *TASK_PROPERTIES[:5], "hs_timestamp")
"""What is read before a task is changed."""


def build_task(op: Op) -> Json:
    """Build the input that creates a follow-up's task.

    `hs_timestamp` is the due date.
    """
    properties = {
        **_build_properties({"kind": "todo", **op.fields}),
        STATUS: NOT_STARTED,
        "hubspot_owner_id": op.owner_remote_id or "",
        KEY: op.key,
    }
    return {
        "properties": {name: value for name, value in properties.items() if value},
        "associations": [
            *associate(op.account_remote_id, TASK_TO_COMPANY),
            *associate(op.contact_remote_id, TASK_TO_CONTACT),
        ],
        TRACE: op.key,
    }


def _build_properties(fields: Mapping[str, Value]) -> dict[str, str]:
    """Build HubSpot's properties of a follow-up's fields."""
    made = {
        "due_at": ("hs_timestamp", format_value),
        "title": ("hs_task_subject", lambda value: join_line(str(value))),
        "body": ("hs_task_body", lambda value: format_body(str(value))),
        "priority": ("hs_task_priority", lambda value: str(value).upper()),
        "kind": ("hs_task_type", lambda value: str(value).upper()),
    }
    return {
        name: build(fields[field])
        for field, (name, build) in made.items()
        if fields.get(field) is not None
    }


def build_revision(op: Op, task: Json) -> Json:
    """Build the input that changes a task.

    Without what a person has changed since.
    """
    before, now = _build_properties(op.before), _build_properties(op.fields)
    kept = {name: v for name, v in now.items() if _is_as_written(task, name, before.get(name))}
    return {"id": op.remote_id, "properties": kept, TRACE: op.key}


def _is_as_written(task: Json, name: str, written: str | None) -> bool:
    """Return whether a property is what we wrote, in HubSpot's own representation."""
    value = read_text(task, name) or ""
    if name == "hs_timestamp" and written:
        return parse_time(value) == parse_time(written)
    if name == "hs_task_body":
        return parse_html(value) == parse_html(written or "")
    return value == (written or "")


def build_close(op: Op) -> Json:
    """Build the input that closes a task."""
    return {"id": op.remote_id, "properties": {STATUS: COMPLETED}, TRACE: op.key}


def map_task(key: str, task: Json) -> RemoteObject:
    """Map a task to a follow-up; `status` is HubSpot's own value."""
    status = read_text(task, STATUS)
    fields = {
        "status": status,
        "done": status == COMPLETED,
        "touched": status != NOT_STARTED,
        "done_at": parse_time(read_text(task, "hs_task_completion_date")),
        "title": read_text(task, "hs_task_subject"),
        "due_at": parse_time(read_text(task, "hs_timestamp")),
        "priority": (read_text(task, "hs_task_priority") or "").lower() or None,
        "kind": (read_text(task, "hs_task_type") or "").lower() or None,
        "owner_remote_id": read_text(task, "hubspot_owner_id"),
    }
    return RemoteObject(key, str(task["id"]), fields)

"""Follow-ups as HubSpot tasks: creation, closing, and status."""

from cs_sync import Op, RemoteObject
from cs_sync_hubspot.batches import TRACE
from cs_sync_hubspot.idempotent_objects import KEY, associate_company
from cs_sync_hubspot.mapping import parse_time, read_text
from cs_sync_hubspot.text import format_html, format_value, join_line
from cs_sync_hubspot.transport import Json

TASK_TO_COMPANY = 192
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


def build_task(op: Op) -> Json:
    """Build the input that creates a follow-up's task; `hs_timestamp` is the due date."""
    fields = op.fields
    properties = {
        "hs_timestamp": format_value(fields["due_at"]),
        "hs_task_subject": join_line(str(fields["title"])),
        "hs_task_body": format_html(str(fields.get("body") or "")),
        STATUS: NOT_STARTED,
        "hs_task_priority": str(fields.get("priority") or "").upper(),
        "hs_task_type": str(fields.get("kind") or "todo").upper(),
        "hubspot_owner_id": op.owner_remote_id or "",
        KEY: op.key,
    }
    return {
        "properties": {name: value for name, value in properties.items() if value},
        "associations": associate_company(op.account_remote_id, TASK_TO_COMPANY),
        TRACE: op.key,
    }


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

"""Follow-ups as HubSpot tasks: how one is created, closed, and what people made of it."""

from cs_sync import Found, Op
from cs_sync_hubspot.batches import TRACE
from cs_sync_hubspot.keyed import KEY, on_company
from cs_sync_hubspot.mapping import text, when
from cs_sync_hubspot.text import body_html, line, written
from cs_sync_hubspot.transport import Json

TASK_TO_COMPANY = 192
NOT_BEGUN = "NOT_STARTED"
COMPLETED = "COMPLETED"
STATUS = "hs_task_status"
SHOWN = (
    STATUS,
    "hs_task_subject",
    "hs_task_priority",
    "hs_task_type",
    "hs_task_completion_date",
    "hs_timestamp",
    "hubspot_owner_id",
)


def task_of(op: Op) -> Json:
    """The input that creates a follow-up's task; `hs_timestamp` is HubSpot's due date."""
    fields = op.fields
    properties = {
        "hs_timestamp": written(fields["due_at"]),
        "hs_task_subject": line(str(fields["title"])),
        "hs_task_body": body_html(str(fields.get("body") or "")),
        STATUS: NOT_BEGUN,
        "hs_task_priority": str(fields.get("priority") or "").upper(),
        "hs_task_type": str(fields.get("kind") or "todo").upper(),
        "hubspot_owner_id": op.owner_remote_id or "",
        KEY: op.key,
    }
    return {
        "properties": {name: value for name, value in properties.items() if value},
        "associations": on_company(op.account_remote_id, TASK_TO_COMPANY),
        TRACE: op.key,
    }


def closed(op: Op) -> Json:
    """The input that ends a task."""
    return {"id": op.remote_id, "properties": {STATUS: COMPLETED}, TRACE: op.key}


def found(key: str, task: Json) -> Found:
    """A task as the host knows follow-ups; `status` is HubSpot's own word for it."""
    status = text(task, STATUS)
    fields = {
        "status": status,
        "done": status == COMPLETED,
        "touched": status != NOT_BEGUN,
        "done_at": when(text(task, "hs_task_completion_date")),
        "title": text(task, "hs_task_subject"),
        "due_at": when(text(task, "hs_timestamp")),
        "priority": (text(task, "hs_task_priority") or "").lower() or None,
        "kind": (text(task, "hs_task_type") or "").lower() or None,
        "owner_remote_id": text(task, "hubspot_owner_id"),
    }
    return Found(key, str(task["id"]), fields)

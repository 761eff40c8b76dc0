"""Follow-ups as HubSpot tasks, each of which exists once because it carries a key of ours."""

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from cs_sync import Found, Op, RequestRefused, VendorError
from cs_sync_hubspot.api import BATCH_LIMIT, HubSpotApi, next_after
from cs_sync_hubspot.batches import TRACE
from cs_sync_hubspot.mapping import text, when
from cs_sync_hubspot.refusals import category, details, said
from cs_sync_hubspot.transport import Json

KEY = "cs_sync_key"
"""The task property that holds the follow-up's key."""

TASK_TO_COMPANY = 192
LONGEST_BODY = 65_536
_SHORTENED = "…"
_READ = (
    KEY,
    "hs_task_status",
    "hs_task_subject",
    "hs_task_priority",
    "hs_task_type",
    "hs_timestamp",
    "hubspot_owner_id",
)

Guarantee = Literal["unique", "searched", "absent"]
"""How a task is found by its key: read directly, through the search index, or not at all yet."""


class Tasks:
    """The tasks that carry a key of ours."""

    def __init__(self, api: HubSpotApi) -> None:
        self._api = api
        self._known: Guarantee = "absent"

    def guarantee(self) -> Guarantee:
        """How keys are read in this portal; asked until the property is there."""
        if self._known == "absent":
            self._known = guarantee_of(self._api.properties("tasks").get(KEY))
        return self._known

    def read(self, keys: Sequence[str]) -> dict[str, Json]:
        """The tasks that exist under these keys."""
        guarantee = self.guarantee() if keys else "absent"
        if guarantee == "absent":
            return {}
        found: dict[str, Json] = {}
        for start in range(0, len(keys), BATCH_LIMIT):
            some = keys[start : start + BATCH_LIMIT]
            tasks = self._read_unique(some) if guarantee == "unique" else self._searched(some)
            for task in tasks:
                found.setdefault(text(task, KEY) or "", task)
        return {key: found[key] for key in keys if key in found}

    def existing(self, ops: Sequence[Op]) -> Mapping[str, str]:
        """Key → task id of the follow-ups that exist."""
        return {key: str(task["id"]) for key, task in self.read([o.key for o in ops]).items()}

    def create(self, ops: Sequence[Op]) -> Json:
        """Create one task for each, with its company."""
        return self._api.create("tasks", [task_of(op) for op in ops])

    def _read_unique(self, keys: Sequence[str]) -> Sequence[Json]:
        try:
            body = self._api.read("tasks", keys, _READ, KEY)
        except RequestRefused as refusal:
            if category(refusal.body) == "OBJECT_NOT_FOUND":
                return ()
            raise
        for error in details(body):
            if category(error) != "OBJECT_NOT_FOUND":
                raise VendorError(
                    f"HubSpot did not tell whether all follow-ups exist: {said(error)}",
                    "run again: nothing is created before that is known",
                    status=207,
                    body=dict(error),
                )
        return list(body["results"])

    def _searched(self, keys: Sequence[str]) -> Iterator[Json]:
        """Through the index: what was created a moment ago may be missing; the oldest comes first.

        An IN filter on text compares with the lower-case form.
        """
        wanted = {"propertyName": KEY, "operator": "IN", "values": [key.lower() for key in keys]}
        query: Json = {
            "filterGroups": [{"filters": [wanted]}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(_READ),
            "limit": BATCH_LIMIT,
        }
        while True:
            body = self._api.search("tasks", query)
            yield from body["results"]
            after = next_after(body)
            if after is None:
                return
            query = {**query, "after": after}


def guarantee_of(definition: Mapping[str, Any] | None) -> Guarantee:
    """What the key's property, as HubSpot describes it, allows."""
    if definition is None or definition.get("archived"):
        return "absent"
    return "unique" if definition.get("hasUniqueValue") else "searched"


def task_of(op: Op) -> Json:
    """The input that creates a follow-up's task; `hs_timestamp` is HubSpot's due date."""
    fields = op.fields
    properties = {
        "hs_timestamp": written(fields["due_at"]),
        "hs_task_subject": line(str(fields["title"])),
        "hs_task_body": body_html(str(fields.get("body") or "")),
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": str(fields.get("priority") or "").upper(),
        "hs_task_type": str(fields.get("kind") or "todo").upper(),
        "hubspot_owner_id": op.owner_remote_id or "",
        KEY: op.key,
    }
    return {
        "properties": {name: value for name, value in properties.items() if value},
        "associations": _company(op.account_remote_id),
        TRACE: op.key,
    }


def _company(remote_id: str | None) -> list[Json]:
    if remote_id is None:
        return []
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TASK_TO_COMPANY}
    return [{"to": {"id": remote_id}, "types": [kind]}]


def written(value: object) -> str:
    """A value as HubSpot wants it: text; times in UTC to the millisecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return printable(str(value))


def printable(value: str) -> str:
    """Without control characters and halves of characters, which no JSON text may hold."""
    whole = value.encode("utf-8", "replace").decode()
    return "".join(c for c in whole if c in "\n\t" or not ("\0" <= c < " " or c == "\x7f"))


def line(value: str) -> str:
    """Text on one line."""
    return " ".join(printable(value.replace("\r", "\n")).split())


def body_html(value: str, longest: int = LONGEST_BODY) -> str:
    """Text as HTML that shows just that text; too long, it ends in an ellipsis."""
    pieces = ["<br>" if c == "\n" else html.escape(c) for c in printable(value)]
    if sum(map(len, pieces)) <= longest:
        return "".join(pieces)
    kept, room = [], longest - len(_SHORTENED)
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + _SHORTENED


def found(key: str, task: Json) -> Found:
    """A task as the host knows follow-ups; `status` is HubSpot's word, `done` what it means."""
    status = text(task, "hs_task_status")
    fields = {
        "status": status,
        "done": status == "COMPLETED",
        "title": text(task, "hs_task_subject"),
        "due_at": when(text(task, "hs_timestamp")),
        "priority": (text(task, "hs_task_priority") or "").lower() or None,
        "kind": (text(task, "hs_task_type") or "").lower() or None,
        "owner_remote_id": text(task, "hubspot_owner_id"),
    }
    return Found(key, str(task["id"]), fields)

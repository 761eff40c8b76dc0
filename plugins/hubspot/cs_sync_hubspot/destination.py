"""The destination: scores on companies, follow-ups as tasks, their news as notes."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

from cs_sync import (
    Ack,
    Addresses,
    ConnectorConfig,
    FieldSpec,
    Finding,
    Http,
    Limit,
    Op,
    OpenFollowUp,
    Reject,
    RemoteAccount,
    RemoteObject,
    map_side_by_side,
)
from cs_sync_hubspot.batches import TRACE, Answer, send_batch, split_batches
from cs_sync_hubspot.client import make_api
from cs_sync_hubspot.config import LANES, LIMITS, HubSpotConfig
from cs_sync_hubspot.drift import read_companies
from cs_sync_hubspot.idempotent_objects import KEY, IdempotentObjects
from cs_sync_hubspot.lookup import read_by_ids
from cs_sync_hubspot.notes import build_note
from cs_sync_hubspot.objects import read_text
from cs_sync_hubspot.portal_setup import check_scopes, create_lists, list_manual_steps
from cs_sync_hubspot.properties import prepare_companies, prepare_keys
from cs_sync_hubspot.tasks import (
    COMPLETED,
    NOT_STARTED,
    REVISED,
    STATUS,
    TASK_PROPERTIES,
    build_close,
    build_revision,
    build_task,
    map_task,
)
from cs_sync_hubspot.text import format_value
from cs_sync_hubspot.transport import Json


class HubSpotDestination:
    """Writes our properties, and tasks and notes with a key of ours."""

    name: ClassVar[str] = "hubspot"
    title: ClassVar[str] = "HubSpot"
    Config: ClassVar[type[ConnectorConfig]] = HubSpotConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    addresses: ClassVar[Addresses] = "records"

    def __init__(self, config: HubSpotConfig, http: Http) -> None:
        self._config = config
        self._api = make_api(config, http)
        self._tasks = IdempotentObjects(self._api, "tasks", TASK_PROPERTIES, build_task)
        self._notes = IdempotentObjects(self._api, "notes", (), build_note)

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
        """Create the group, company properties, and keys of tasks and notes."""
        yield from prepare_companies(self._api, fields)
        yield from prepare_keys(self._api)

    def check_permissions(self) -> Iterator[Finding]:
        """Check the scopes one by one; nothing is changed."""
        return check_scopes(self._api)

    def create_extras(self, prefix: str) -> Iterator[Finding]:
        """Create the active lists."""
        return create_lists(self._api, prefix)

    def list_manual_steps(self, prefix: str) -> Iterator[str]:
        """Yield what HubSpot has no API for."""
        return list_manual_steps(self._config, prefix)

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """Write accounts, follow-ups, notes; a lost response is raised after the others."""
        yield from self._write_accounts([op for op in ops if op.object == "account"])
        follow_ups = [op for op in ops if op.object == "follow_up"]
        new = [op for op in follow_ups if op.remote_id is None]
        yield from self._create(self._tasks, new, ("title", "due_at"))
        yield from self._revise([op for op in follow_ups if op.remote_id is not None])
        notes = [op for op in ops if op.object == "note"]
        yield from self._create(self._notes, notes, ("title", "body", "at"))

    def compare(self, ops: Sequence[Op]) -> Iterator[RemoteAccount]:
        """Compare companies' current values; merges are followed, archived ones omitted."""
        return read_companies(self._api, ops)

    def find(self, keys: Sequence[str]) -> Iterator[RemoteObject]:
        """Yield the tasks and notes with these keys.

        Completed too, but not deleted ones.
        """
        tasks = self._tasks.read(keys)
        yield from (map_task(key, task) for key, task in tasks.items())
        notes = self._notes.read([key for key in keys if key not in tasks])
        yield from (RemoteObject(key, str(note["id"])) for key, note in notes.items())

    def open_follow_ups(self, accounts: Sequence[str]) -> Iterator[OpenFollowUp]:
        """Yield our open tasks at these companies."""
        if self._tasks.find_guarantee() == "absent":
            return
        for company, task in self._tasks.read_at_companies(accounts):
            if read_text(task, STATUS) != COMPLETED:
                yield OpenFollowUp(read_text(task, KEY) or "", str(task["id"]), company)

    def _write_accounts(self, ops: Sequence[Op]) -> Iterator[Answer]:
        sound: list[Op] = []
        for op in ops:
            if op.remote_id is None:
                yield Reject(op.key, "NO_RECORD_ID", "it is not known which company this is")
            elif not _build_properties(op):
                yield Ack(op.key, op.remote_id, existed=True)
            else:
                sound.append(op)
        send = partial(send_batch, send=self._update)
        yield from map_side_by_side(send, split_batches(sound), LANES)

    def _update(self, ops: Sequence[Op]) -> Json:
        """Update the companies.

        Without `idProperty`: HubSpot refuses it for a record id.
        """
        return self._api.update(
            "companies",
            [
                {"id": op.remote_id, "properties": _build_properties(op), TRACE: op.key}
                for op in ops
            ],
        )

    def _create(
        self, kind: IdempotentObjects, ops: Sequence[Op], needed: Sequence[str]
    ) -> Iterator[Answer]:
        """Create the missing objects.

        Existing and deleted ones stay as people left them.
        """
        sound: list[Op] = []
        for op in {op.key: op for op in ops}.values():
            lacking = [name for name in needed if not op.fields.get(name)]
            if lacking:
                reason = f"HubSpot needs {' and '.join(lacking)}"
                yield Reject(op.key, "INCOMPLETE", reason)
            else:
                sound.append(op)
        if sound:
            kind.find_guarantee()  # once for all batches
        yield from map_side_by_side(partial(_create_missing, kind), split_batches(sound), LANES)

    def _revise(self, ops: Sequence[Op]) -> Iterator[Answer]:
        """Change or close untouched tasks; others stay as people left them."""
        return map_side_by_side(self._revise_batch, split_batches(ops), LANES)

    def _revise_batch(self, ops: Sequence[Op]) -> Iterator[Answer]:
        ids = [str(op.remote_id) for op in ops]
        tasks = {str(t["id"]): t for t in read_by_ids(self._api, "tasks", ids, REVISED)}
        inputs = {
            op.key: _build_change(op, tasks[str(op.remote_id)])
            for op in ops
            if read_text(tasks.get(str(op.remote_id), {}), STATUS) == NOT_STARTED
        }
        ours = [op for op in ops if inputs.get(op.key, {}).get("properties")]
        yield from (Ack(op.key, str(op.remote_id), existed=True) for op in ops if op not in ours)
        yield from send_batch(ours, partial(self._change, inputs))

    def _change(self, inputs: Mapping[str, Json], ops: Sequence[Op]) -> Json:
        return self._api.update("tasks", [inputs[op.key] for op in ops])


def _create_missing(kind: IdempotentObjects, ops: Sequence[Op]) -> Iterator[Answer]:
    existing = {**kind.deleted(ops), **kind.find_existing(ops)}
    yield from (Ack(key, remote_id, existed=True) for key, remote_id in existing.items())
    new = [op for op in ops if op.key not in existing]
    yield from send_batch(new, kind.create, kind.find_existing)


def _build_change(op: Op, task: Json) -> Json:
    return build_close(op) if op.fields.get("status") == "closed" else build_revision(op, task)


def _build_properties(op: Op) -> dict[str, str]:
    """Return the properties to write, without None, so that nothing is emptied."""
    return {name: format_value(value) for name, value in op.fields.items() if value is not None}

"""HubSpot as a destination: scores onto companies, follow-ups as tasks, news of them as notes."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cs_sync import (
    Ack,
    Addresses,
    ConnectorConfig,
    FieldSpec,
    Finding,
    Found,
    Http,
    Limit,
    Op,
    OpenFollowUp,
    Reject,
    Shown,
)
from cs_sync_hubspot.api import HubSpotApi
from cs_sync_hubspot.batches import TRACE, Answer, deliver, in_batches
from cs_sync_hubspot.comparing import compared
from cs_sync_hubspot.config import LIMITS, HubSpotConfig
from cs_sync_hubspot.doors import open_door
from cs_sync_hubspot.keyed import KEY, Keyed
from cs_sync_hubspot.lookup import there
from cs_sync_hubspot.mapping import text
from cs_sync_hubspot.notes import note_of
from cs_sync_hubspot.properties import prepare_companies, prepare_keys
from cs_sync_hubspot.tasks import COMPLETED, NOT_BEGUN, SHOWN, STATUS, closed, found, task_of
from cs_sync_hubspot.text import written
from cs_sync_hubspot.transport import Json


class HubSpotDestination:
    """Writes into the CRM: properties of ours, and tasks and notes that carry a key of ours."""

    name: ClassVar[str] = "hubspot"
    Config: ClassVar[type[ConnectorConfig]] = HubSpotConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    addresses: ClassVar[Addresses] = "records"

    def __init__(self, config: HubSpotConfig, http: Http) -> None:
        self._api = HubSpotApi(open_door(config, http))
        self._tasks = Keyed(self._api, "tasks", SHOWN, task_of)
        self._notes = Keyed(self._api, "notes", (), note_of)

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
        """Create the group, a company property per field, and the keys of tasks and notes."""
        yield from prepare_companies(self._api, fields)
        yield from prepare_keys(self._api)

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """Accounts, follow-ups, notes; a lost answer is raised after what was answered."""
        yield from self._accounts([op for op in ops if op.object == "account"])
        follow_ups = [op for op in ops if op.object == "follow_up"]
        new = [op for op in follow_ups if op.remote_id is None]
        yield from self._create(self._tasks, new, ("title", "due_at"))
        yield from self._close([op for op in follow_ups if op.remote_id is not None])
        notes = [op for op in ops if op.object == "note"]
        yield from self._create(self._notes, notes, ("title", "body", "at"))

    def compare(self, ops: Sequence[Op]) -> Iterator[Shown]:
        """Companies as they are now; merged ones are followed, archived ones passed over."""
        return compared(self._api, ops)

    def find(self, keys: Sequence[str]) -> Iterator[Found]:
        """The tasks and notes under these keys, completed ones too; not those somebody deleted."""
        tasks = self._tasks.read(keys)
        yield from (found(key, task) for key, task in tasks.items())
        notes = self._notes.read([key for key in keys if key not in tasks])
        yield from (Found(key, str(note["id"])) for key, note in notes.items())

    def open_follow_ups(self, accounts: Sequence[str]) -> Iterator[OpenFollowUp]:
        """Yield the tasks with a key of ours at these companies that nobody has completed."""
        if self._tasks.guarantee() == "absent":
            return
        for company, task in self._tasks.at_companies(accounts):
            if text(task, STATUS) != COMPLETED:
                yield OpenFollowUp(text(task, KEY) or "", str(task["id"]), company)

    def _accounts(self, ops: Sequence[Op]) -> Iterator[Answer]:
        sound: list[Op] = []
        for op in ops:
            if op.remote_id is None:
                yield Reject(op.key, "NO_RECORD_ID", "it is not known which company this is")
            elif not _changes(op):
                yield Ack(op.key, op.remote_id, existed=True)
            else:
                sound.append(op)
        for batch in in_batches(sound):
            yield from deliver(batch, self._update)

    def _update(self, ops: Sequence[Op]) -> Json:
        """Without `idProperty`: given for a record id, HubSpot refuses it."""
        return self._api.update(
            "companies",
            [{"id": op.remote_id, "properties": _changes(op), TRACE: op.key} for op in ops],
        )

    def _create(self, kind: Keyed, ops: Sequence[Op], needed: Sequence[str]) -> Iterator[Answer]:
        """Looked up first: one that exists, or existed, is left as people left it."""
        sound: list[Op] = []
        for op in {op.key: op for op in ops}.values():
            lacking = [name for name in needed if not op.fields.get(name)]
            if lacking:
                reason = f"HubSpot needs {' and '.join(lacking)}"
                yield Reject(op.key, "INCOMPLETE", reason)
            else:
                sound.append(op)
        for batch in in_batches(sound):
            known = {**kind.deleted(batch), **kind.existing(batch)}
            yield from (Ack(key, one, existed=True) for key, one in known.items())
            new = [op for op in batch if op.key not in known]
            yield from deliver(new, kind.create, kind.existing)

    def _close(self, ops: Sequence[Op]) -> Iterator[Answer]:
        """Read first, by id: a task that somebody began, ended or deleted is theirs."""
        for batch in in_batches(ops):
            ids = [str(op.remote_id) for op in batch]
            tasks = there(self._api, "tasks", ids, (STATUS,))
            untouched = {str(t["id"]) for t in tasks if text(t, STATUS) == NOT_BEGUN}
            ours = [op for op in batch if op.remote_id in untouched]
            for op in batch:
                if op not in ours:
                    yield Ack(op.key, str(op.remote_id), existed=True)
            yield from deliver(ours, self._end)

    def _end(self, ops: Sequence[Op]) -> Json:
        return self._api.update("tasks", [closed(op) for op in ops])


def _changes(op: Op) -> dict[str, str]:
    """What to write; None is never sent, so that nothing is emptied."""
    return {name: written(value) for name, value in op.fields.items() if value is not None}

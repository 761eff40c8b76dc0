"""HubSpot as a destination: scores onto companies, follow-ups as tasks."""

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
    Reject,
)
from cs_sync_hubspot.api import HubSpotApi
from cs_sync_hubspot.batches import TRACE, Answer, deliver, in_batches
from cs_sync_hubspot.config import LIMITS, HubSpotConfig
from cs_sync_hubspot.doors import open_door
from cs_sync_hubspot.properties import prepare_companies, prepare_tasks
from cs_sync_hubspot.tasks import Tasks, found, written
from cs_sync_hubspot.transport import Json


class HubSpotDestination:
    """Writes into the CRM: only properties of ours, and tasks that carry a key of ours."""

    name: ClassVar[str] = "hubspot"
    Config: ClassVar[type[ConnectorConfig]] = HubSpotConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    addresses: ClassVar[Addresses] = "records"

    def __init__(self, config: HubSpotConfig, http: Http) -> None:
        self._api = HubSpotApi(open_door(config, http))
        self._tasks = Tasks(self._api)

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
        """Create the property group, a company property per field, and the key of tasks."""
        yield from prepare_companies(self._api, fields)
        yield from prepare_tasks(self._api)

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """Accounts first, then follow-ups; a lost answer is raised after what was answered."""
        yield from self._accounts([op for op in ops if op.object == "account"])
        yield from self._follow_ups([op for op in ops if op.object == "follow_up"])

    def find(self, keys: Sequence[str]) -> Iterator[Found]:
        """The tasks under these keys, completed ones too; not those that somebody deleted."""
        for key, task in self._tasks.read(keys).items():
            yield found(key, task)

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

    def _follow_ups(self, ops: Sequence[Op]) -> Iterator[Answer]:
        """Looked up first, so that one that exists is left as the people who work with it did."""
        sound: list[Op] = []
        for op in {op.key: op for op in ops}.values():
            lacking = [name for name in ("title", "due_at") if not op.fields.get(name)]
            if lacking:
                reason = f"a HubSpot task needs {' and '.join(lacking)}"
                yield Reject(op.key, "INCOMPLETE", reason)
            else:
                sound.append(op)
        for batch in in_batches(sound):
            there = self._tasks.existing(batch)
            yield from (Ack(key, task_id, existed=True) for key, task_id in there.items())
            new = [op for op in batch if op.key not in there]
            yield from deliver(new, self._tasks.create, self._tasks.existing)


def _changes(op: Op) -> dict[str, str]:
    """What to write; None is never sent, so that nothing is emptied."""
    return {name: written(value) for name, value in op.fields.items() if value is not None}

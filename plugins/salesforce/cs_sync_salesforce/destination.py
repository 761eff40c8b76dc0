"""The destination: scores on accounts, follow-ups as tasks, their news in the history."""

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
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
from cs_sync_salesforce.batches import Answer, Json, Pair, send_batch, split_pairs
from cs_sync_salesforce.client import SalesforceClient
from cs_sync_salesforce.config import LANES, LIMITS, SalesforceConfig
from cs_sync_salesforce.custom_fields import prepare_fields
from cs_sync_salesforce.drift import read_accounts
from cs_sync_salesforce.keyed_tasks import Build, KeyedTasks
from cs_sync_salesforce.org_setup import check_access, list_steps
from cs_sync_salesforce.tasks import KEY, build_note, build_task, map_task
from cs_sync_salesforce.values import format_value, list_lengths, name_field


class SalesforceDestination:
    """Writes our fields, and tasks with a key of ours."""

    name: ClassVar[str] = "salesforce"
    title: ClassVar[str] = "Salesforce"
    Config: ClassVar[type[ConnectorConfig]] = SalesforceConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    addresses: ClassVar[Addresses] = "records"

    def __init__(self, config: SalesforceConfig, http: Http) -> None:
        self._config = config
        self._client = SalesforceClient(config, http)
        self._zone = config.workspace.timezone
        self._tasks = KeyedTasks(self._client, self._zone)

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
        """Create our fields of accounts, and the key of tasks."""
        return prepare_fields(self._client, fields)

    def check_permissions(self) -> Iterator[Finding]:
        """Check the user's access one by one; nothing is changed."""
        return check_access(self._client)

    def create_extras(self, prefix: str) -> Iterator[Finding]:  # noqa: ARG002 - as of all
        """Create nothing beside the fields."""
        return iter(())

    def list_manual_steps(self, prefix: str) -> Iterator[str]:
        """Yield what is left to do by hand."""
        return list_steps(self._config, prefix)

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """Write accounts, follow-ups, notes; a lost answer is raised after the others."""
        yield from self._write_accounts([op for op in ops if op.object == "account"])
        follow_ups = [op for op in ops if op.object == "follow_up"]
        new = [op for op in follow_ups if op.remote_id is None]
        yield from self._create(new, ("title", "due_at"), build_task)
        yield from self._tasks.revise([op for op in follow_ups if op.remote_id is not None])
        notes = [op for op in ops if op.object == "note"]
        yield from self._create(notes, ("title", "body", "at"), build_note)

    def compare(self, ops: Sequence[Op]) -> Iterator[RemoteAccount]:
        """Compare accounts' current values; merges are followed, deleted ones omitted."""
        return read_accounts(self._client, ops, self._lengths)

    def find(self, keys: Sequence[str]) -> Iterator[RemoteObject]:
        """Yield the tasks with these keys that are not deleted."""
        for key, task in self._tasks.read(keys).items():
            if not task["IsDeleted"]:
                yield map_task(key, task, self._tasks.lists, self._zone)

    def open_follow_ups(self, accounts: Sequence[str]) -> Iterator[OpenFollowUp]:
        """Yield our open tasks at these accounts."""
        for task in self._tasks.read_open(accounts):
            yield OpenFollowUp(str(task[KEY]), str(task["Id"]), str(task["WhatId"]))

    @cached_property
    def _lengths(self) -> dict[str, int]:
        """The lengths of accounts' fields; 0 for those that are not text."""
        return list_lengths(self._client.describe_object("Account"))

    def _write_accounts(self, ops: Sequence[Op]) -> Iterator[Answer]:
        pairs: list[Pair] = []
        for op in {op.key: op for op in ops}.values():
            if op.remote_id is None:
                yield Reject(op.key, "NO_RECORD_ID", "it is not known which account this is")
            elif values := self._build_values(op):
                account = {"attributes": {"type": "Account"}, "id": op.remote_id}
                pairs.append((op, {**account, **values}))
            else:
                yield Ack(op.key, op.remote_id, existed=True)
        send = partial(send_batch, send=self._client.update)
        yield from map_side_by_side(send, split_pairs(pairs), LANES)

    def _build_values(self, op: Op) -> Json:
        """Return the fields to write, without None, so that nothing is emptied."""
        known = {name_field(name): v for name, v in op.fields.items() if v is not None}
        return {name: format_value(v, self._lengths.get(name)) for name, v in known.items()}

    def _create(self, ops: Sequence[Op], needed: Sequence[str], build: Build) -> Iterator[Answer]:
        sound: list[Op] = []
        for op in {op.key: op for op in ops}.values():
            lacking = [name for name in needed if not op.fields.get(name)]
            if lacking:
                reason = f"Salesforce needs {' and '.join(lacking)}"
                yield Reject(op.key, "INCOMPLETE", reason)
            else:
                sound.append(op)
        yield from self._tasks.create(sound, build)

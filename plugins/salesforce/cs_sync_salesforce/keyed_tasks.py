"""Tasks with a key of ours: found in the database itself, each created once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cs_sync import Ack, Op, map_side_by_side
from cs_sync_salesforce.batches import Answer, Pair, send_batch, split_pairs
from cs_sync_salesforce.client import SalesforceClient
from cs_sync_salesforce.config import LANES
from cs_sync_salesforce.soql import build_query, list_values, split_values
from cs_sync_salesforce.tasks import (
    COLUMNS,
    KEY,
    TaskLists,
    address_record,
    build_revision,
    is_untouched,
    parse_lists,
)

Json = dict[str, Any]
Build = Callable[[Op, TaskLists, ZoneInfo], Json]
Guarantee = Literal["unique", "looked up", "absent"]
"""What keeps a task from being created twice: the org, only our look before it, or nothing yet."""

_OLDEST_FIRST = "CreatedDate, Id"


class KeyedTasks:
    """The tasks of an org that have a key of ours."""

    def __init__(self, client: SalesforceClient, zone: ZoneInfo) -> None:
        self._client = client
        self._zone = zone
        self._known: Guarantee = "absent"

    @cached_property
    def lists(self) -> TaskLists:
        """The org's own names of statuses and priorities."""
        statuses = ("ApiName", "IsClosed", "IsDefault")
        priorities = ("ApiName", "IsHighPriority", "IsDefault")
        read = (
            self._client.query(build_query(names, sobject, order="SortOrder"))["records"]
            for names, sobject in ((statuses, "TaskStatus"), (priorities, "TaskPriority"))
        )
        return parse_lists(*read)

    def find_guarantee(self) -> Guarantee:
        """Find what keeps tasks single; asked for until the field exists."""
        if self._known == "absent":
            self._known = parse_guarantee(self._client.describe_object("Task").get(KEY))
        return self._known

    def read(self, keys: Sequence[str]) -> dict[str, Json]:
        """Return the tasks with these keys, archived and deleted ones too.

        Of several with one key it is the oldest that is not deleted. Texts are compared without
        case by SOQL, and exactly here.
        """
        if not keys or self.find_guarantee() == "absent":
            return {}
        tasks: dict[str, Json] = {}
        for task in map_side_by_side(partial(self._select, KEY), [*split_values(keys)], LANES):
            known = tasks.get(str(task[KEY]))
            if known is None or (known["IsDeleted"] and not task["IsDeleted"]):
                tasks[str(task[KEY])] = task
        return {key: tasks[key] for key in keys if key in tasks}

    def read_open(self, accounts: Sequence[str]) -> Iterator[Json]:
        """Yield our open tasks at these accounts, oldest first."""
        if not accounts or self.find_guarantee() == "absent":
            return
        for part in split_values(accounts):
            query = build_query(
                COLUMNS,
                "Task",
                f"WhatId IN {list_values(part)}",
                "IsClosed = FALSE",
                f"{KEY} != NULL",
                order=_OLDEST_FIRST,
            )
            yield from self._client.query_to_end(query)

    def create(self, ops: Sequence[Op], build: Build) -> Iterator[Answer]:
        """Create the missing tasks; others stay as people left them.

        Deleted ones are not missing. An upsert matches our key, so that a task which another
        process has created meanwhile is not a second one. Only where the org itself keeps keys
        unique may a lost answer be asked for again: else the first request may still be under way.
        """
        by_key = {op.key: op for op in ops}
        existing = self.read([*by_key])
        yield from (Ack(key, str(task["Id"]), existed=True) for key, task in existing.items())
        pairs = [
            (op, build(op, self.lists, self._zone))
            for key, op in by_key.items()
            if key not in existing
        ]
        yield from map_side_by_side(self._upsert, split_pairs(pairs), LANES)

    def revise(self, ops: Sequence[Op]) -> Iterator[Answer]:
        """Change or close untouched tasks; others stay as people left them."""
        ids = [str(op.remote_id) for op in ops]
        read = map_side_by_side(partial(self._select, "Id"), [*split_values(ids)], LANES)
        tasks = {str(task["Id"]): task for task in read}
        pairs: list[Pair] = []
        for op in ops:
            task = tasks.get(str(op.remote_id))
            ours = task is not None and is_untouched(task, self.lists)
            change = build_revision(op, task, self.lists, self._zone) if ours and task else {}
            if change:
                pairs.append((op, address_record(op, change)))
            else:
                yield Ack(op.key, str(op.remote_id), existed=True)
        send = partial(send_batch, send=self._client.update)
        yield from map_side_by_side(send, split_pairs(pairs), LANES)

    def _select(self, field: str, values: Sequence[str]) -> Iterator[Json]:
        condition = f"{field} IN {list_values(values)}"
        query = build_query(COLUMNS, "Task", condition, order=_OLDEST_FIRST)
        return self._client.query_to_end(query, everything=True)

    def _upsert(self, pairs: Sequence[Pair]) -> Iterator[Answer]:
        unique = self.find_guarantee() == "unique"
        send = partial(self._client.upsert, "Task", KEY, idempotent=unique)
        twins: list[Op] = []
        by_key = {op.key: op for op, _ in pairs}
        for answer in send_batch(pairs, send):
            if isinstance(answer, Ack) or answer.code != "DUPLICATE_VALUE":
                yield answer
            else:
                twins.append(by_key[answer.key])
        yield from self._settle_twins(twins)

    def _settle_twins(self, ops: Sequence[Op]) -> Iterator[Answer]:
        """Acknowledge what another process has created in the same moment."""
        tasks = self.read([op.key for op in ops])
        for op in ops:
            if op.key in tasks:
                yield Ack(op.key, str(tasks[op.key]["Id"]), existed=True)


def parse_guarantee(field: Mapping[str, Any] | None) -> Guarantee:
    """Return the guarantee that the description of the key's field gives."""
    if field is None or not field.get("externalId"):
        return "absent"
    return "unique" if field.get("unique") else "looked up"

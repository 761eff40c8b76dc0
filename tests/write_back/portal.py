"""A CRM in memory, with the ways in which a real one lets you down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cs_sync.contracts.destination import Ack, Addresses, FieldSpec, Op, Reject, RemoteObject
from cs_sync.contracts.errors import AnswerUnknown
from cs_sync.contracts.source import ConnectorConfig, Finding


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Portal:
    """Satisfies the Destination contract. `calls` counts operations that reached it."""

    name: ClassVar[str] = "portal"
    Config: ClassVar[type[ConnectorConfig]] = ConnectorConfig
    limits: ClassVar[Sequence[Any]] = ()
    addresses: ClassVar[Addresses] = "records"
    companies: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: int = 0
    refuse: dict[str, str] = field(default_factory=dict)
    lasting: bool = True
    die_before: bool = False
    die_after: int | None = None
    lose_answer_after: int | None = None

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
        return (Finding(True, f.name, "exists") for f in fields)

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        if self.die_before:
            self.die_before = False
            raise Killed
        for number, op in enumerate(ops):
            self.calls += 1
            answer = self._carry_out(op)
            if self.die_after == number:
                self.die_after = None
                raise Killed
            if self.lose_answer_after == number:
                self.lose_answer_after = None
                raise AnswerUnknown("the connection was lost after sending")
            yield answer

    def _carry_out(self, op: Op) -> Ack | Reject:
        if op.key in self.refuse:
            return Reject(op.key, "VALIDATION_ERROR", self.refuse[op.key], self.lasting)
        if op.object == "account":
            assert op.remote_id is not None
            self.companies[op.remote_id].update(op.fields)
            return Ack(op.key, op.remote_id)
        if op.object == "note":
            existed = self.notes.setdefault(op.key, dict(op.fields)) != op.fields
            return Ack(op.key, f"n-{op.key}", existed=existed)
        if op.remote_id is not None:
            task = self.tasks[op.key]
            begun = task["status"] != "NOT_STARTED"
            closed = op.fields == {"status": "closed"}
            task.update({} if begun else {"status": "COMPLETED"} if closed else op.fields)
            return Ack(op.key, op.remote_id, existed=begun)
        if op.key in self.tasks:
            return Ack(op.key, self.tasks[op.key]["id"], existed=True)
        self.tasks[op.key] = {"id": f"t{len(self.tasks)}", "status": "NOT_STARTED", **op.fields}
        return Ack(op.key, self.tasks[op.key]["id"])

    def find(self, keys: Sequence[str]) -> Iterator[RemoteObject]:
        return (
            RemoteObject(k, self.tasks[k]["id"], _told(self.tasks[k]))
            for k in keys
            if k in self.tasks
        )


def _told(task: dict[str, Any]) -> dict[str, Any]:
    status = task["status"]
    return {**task, "done": status == "COMPLETED", "touched": status != "NOT_STARTED"}

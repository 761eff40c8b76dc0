"""Tasks at a destination: one for all open follow-ups that share it; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

Row = Mapping[str, Any]
_FIELDS = ("title", "body", "due_at", "priority", "kind", "contact_id")


class SharedTask(Struct, frozen=True):
    """A task and the follow-ups it speaks for (rows of `follow_up`)."""

    key: str
    rows: Sequence[Row]

    @property
    def first(self) -> Row:
        """The follow-up that leads it, else any other."""
        return next((row for row in self.rows if row["key"] == self.key), self.rows[0])

    @property
    def is_open(self) -> bool:
        """Whether any of its follow-ups is open."""
        return any(row["state"] == "open" for row in self.rows)

    @property
    def is_needless(self) -> bool:
        """Whether the causes of all its follow-ups are gone."""
        return all(row["state"] == "resolved" for row in self.rows)

    @property
    def fields(self) -> dict[str, Any]:
        """What it says.

        That of its only follow-up, else the text composed for all.
        """
        composed = next((row["task"] for row in self.rows if row["task"]), None)
        fields = composed or {name: self.first[name] for name in _FIELDS}
        due_at = fields["due_at"]
        at = datetime.fromisoformat(due_at) if isinstance(due_at, str) else due_at
        return {**fields, "due_at": at}


def get_task_key(row: Row) -> str:
    """Return the key of the task that speaks for a follow-up."""
    key: str = row["lead"] or row["key"]
    return key


def group_tasks(rows: Iterable[Row]) -> list[SharedTask]:
    """Group follow-ups by task, in the order of the first of each."""
    tasks: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        tasks[get_task_key(row)].append(row)
    return [SharedTask(key, of_task) for key, of_task in tasks.items()]

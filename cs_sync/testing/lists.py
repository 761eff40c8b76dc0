"""A fake vendor of lists: what most in-memory vendors have in common."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from cs_sync.testing.vendor import VendorFake

Item = dict[str, Any]


class ListVendorFake(VendorFake):
    """A vendor whose lists hold objects by id, each dated by its last change.

    A subclass states `lists`, `edits` and `make`, and answers requests out of `items`; then
    records can be added, edited and deleted. What the vendor does otherwise is a method to
    override: a deleted object that stays in its list with a mark, an id that is a number.
    """

    lists: ClassVar[Sequence[str]]
    """Names of the lists: those of the streams."""
    edits: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """List → the fields that an edit changes, with what they become."""
    dated: ClassVar[str] = "updated_at"
    """The field with the time of the last change."""
    count: ClassVar[int] = 10
    """Objects of each list at the start."""

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.items: dict[str, dict[Any, Item]] = {name: {} for name in self.lists}
        self._made = dict.fromkeys(self.lists, 0)
        for number in range(self.count):
            for name in self.lists:
                self.put(name, ago=timedelta(days=30 - number))

    def make(self, name: str, number: int) -> Mapping[str, Any]:
        """Return a new object's fields, without id and date."""
        raise NotImplementedError

    def make_id(self, name: str, number: int) -> Any:
        """Return the id of a list's object by its number."""
        return f"{name}-{number:03d}"

    def write_time(self, at: datetime) -> Any:
        """Return a time as this vendor writes it."""
        return f"{at:%Y-%m-%dT%H:%M:%SZ}"

    def put(self, name: str, /, *, ago: timedelta = timedelta(0), **fields: Any) -> str:
        """Add an object, or change the one of that `id`.

        Returns its id.
        """
        if "id" not in fields:
            number = self._made[name]
            self._made[name] += 1
            fields = {"id": self.make_id(name, number), **self.make(name, number), **fields}
        dated = {self.dated: self.write_time(self.now() - ago)}
        known = self.items[name].get(fields["id"], {})
        self.items[name][fields["id"]] = {**known, **fields, **dated}
        return str(fields["id"])

    def cut(
        self, items: Sequence[Item], begin: int, limit: int
    ) -> tuple[Sequence[Item], int | None]:
        """Return a page from an index on, and the next index.

        None at the end.
        """
        end = begin + min(self.page_size, limit)
        return items[begin:end], end if end < len(items) else None

    def add(self, stream: str) -> str | None:
        """Add an object."""
        return self.put(stream)

    def edit(self, stream: str) -> str | None:
        """Change the second object, where `edits` says how."""
        if stream not in self.edits:
            return None
        return self.put(stream, id=self.make_id(stream, 1), **self.edits[stream])

    def delete(self, stream: str) -> str | None:
        """Drop the third object."""
        id = self.make_id(stream, 2)
        del self.items[stream][id]
        return str(id)

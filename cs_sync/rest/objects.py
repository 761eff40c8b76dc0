"""What becomes of a vendor's object: its record, the records inside it, or a deletion."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from cs_sync.config.problems import suggest_nearest
from cs_sync.contracts.mapping import MappingError, map_each
from cs_sync.contracts.source import Page, Row
from cs_sync.rest.expressions import Expression, evaluate_expression, list_root_keys
from cs_sync.rest.fields import RecordRule
from cs_sync_schemas import Record

Mapped = Iterable[tuple[type[Record], Row]]


class AlsoRule(RecordRule):
    """Further records out of each object of a stream."""

    each: Expression = Field("@", description="The parts, each a record; or the object itself.")
    parent: str | None = Field(
        None, description="The field with the id of the stream's record, which owns all of these."
    )
    snapshot: bool = False


class ObjectRule(RecordRule):
    """The mapping of a stream's objects."""

    also: Mapping[str, AlsoRule] = {}
    deleted: Expression | None = Field(None, description="True in an object that is deleted.")
    snapshot: bool = False

    def list_extra(self) -> list[type[Record]]:
        """Return the further record types that nothing owns."""
        return [each.type for each in self.also.values() if each.parent is None]

    def list_children(self) -> dict[type[Record], str]:
        """Return the owned record types, with the field of the owner's id."""
        return {each.type: each.parent for each in self.also.values() if each.parent is not None}

    def list_snapshots(self) -> list[type[Record]]:
        """Return the record types that are shown as they are today."""
        rules: Sequence[ObjectRule | AlsoRule] = (self, *self.also.values())
        return [each.type for each in rules if each.snapshot]

    def is_deleted(self, document: Any) -> bool:
        """Return whether an object is a deleted one."""
        if self.deleted is None or not isinstance(document, dict):
            return False
        return bool(evaluate_expression(self.deleted, document))

    def map_object(
        self,
        item: Mapping[str, Any],
        seen: Mapping[str, Any] | None = None,
        looked_up: Mapping[str, Any] | None = None,
    ) -> Iterator[tuple[type[Record], Row]]:
        """Yield the records of one object: its own, and those inside it.

        Args:
            item: The object.
            seen: What expressions see beside it.
            looked_up: What was looked up of it, and is kept with it.
        """
        seen, looked_up = seen or {}, looked_up or {}
        context = {**item, **seen, **looked_up}
        if self.fields:
            yield self.type, {**self.make_row(context), "raw": {**item, **looked_up}}
        for also in self.also.values():
            parts = evaluate_expression(also.each, context)
            for part in parts if isinstance(parts, list) else [] if parts is None else [parts]:
                inside = {**require_object(part), **seen, **looked_up, "_item": item}
                yield also.type, {**also.make_row(inside), "raw": part}

    def list_unknown_keys(self, known: Iterable[str]) -> Iterator[str]:
        """Yield what the mapping names and objects of these keys lack.

        Each with the field and the nearest key.
        """
        keys = list(known)
        places = {f"fields.{name}": each.expressions for name, each in self.fields.items()}
        places |= {f"also.{name}.each": [each.each] for name, each in self.also.items()}
        places |= {"deleted": [self.deleted]} if self.deleted is not None else {}
        for place, expressions in places.items():
            for expression in expressions:
                for key in sorted(list_root_keys(expression)):
                    if key not in keys:
                        yield f"{place}: there is no {key}; {suggest_nearest(key, keys)}"


def build_page(
    record: type[Record],
    items: Sequence[Any],
    resume: Any,
    *,
    map_object: Callable[[Mapping[str, Any]], Mapped],
    find_id: Callable[[Any], str | None],
    is_gone: Callable[[Any], bool],
) -> Page:
    """Build the page of some objects; those that are deleted are ids.

    Args:
        record: The main record type.
        items: The vendor's objects.
        resume: The point to continue from.
        map_object: Maps one object to records.
        find_id: Returns an object's id; None without a usable one.
        is_gone: Whether an object stands for a deletion.
    """

    def require_id(item: Any) -> str:
        source_id = find_id(require_object(item))
        if source_id is None:
            raise MappingError("no_id", "a deleted object without an id")
        return source_id

    gone = [item for item in items if is_gone(item)]
    ids, nameless = map_each(record, gone, require_id, lambda _item: None)
    page = Page.mapped(
        record,
        (item for item in items if not is_gone(item)),
        lambda item: map_object(require_object(item)),
        resume,
        deleted={record: ids},
        source_id=find_id,
    )
    return replace(page, rejected=[*page.rejected, *nameless])


def require_object(item: Any) -> Mapping[str, Any]:
    """Return the object; raise MappingError if something else is in its place."""
    if not isinstance(item, dict):
        raise MappingError("malformed", f"{str(item)[:80]!r} stands in place of an object")
    return item

"""What the answers of a description must contain: any other JSON is an error, and tried again."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cs_sync.contracts.http import Shape
from cs_sync.rest.description import Description, Listing, LookUp, StreamRule
from cs_sync.rest.expressions import make_path_pattern, split_plain_path


def list_shapes(description: Description) -> Sequence[Shape]:
    """Return the shapes of all answers, those of the longest paths first."""
    shapes = [
        shape
        for rule in description.streams.values()
        for part in _list_parts(rule)
        for shape in _make_shapes(description, part)
    ]
    return sorted(shapes, key=lambda shape: len(shape.path), reverse=True)


def _list_parts(rule: StreamRule) -> Iterator[Listing | LookUp]:
    parents = () if rule.parent is None else (rule.parent,)
    for listing in (rule, *rule.gone, *parents, *rule.tables.values()):
        yield listing
        yield from listing.look_up.values()


def _make_shapes(description: Description, part: Listing | LookUp) -> Iterator[Shape]:
    """Yield the shape of a list or an object.

    What no plain path names is not checked here.
    """
    if not part.path:
        return
    path = make_path_pattern(part.path)
    if isinstance(part, LookUp):
        yield Shape(path, _make_body((key, object) for key in part.requires))
    elif part.items == "@":
        yield Shape(path, list, part.method)
    else:
        keys = (*part.requires, *description.get_pages(part).find_required_keys())
        wanted = [(part.items, list), *((key, object) for key in keys)]
        yield Shape(path, _make_body(wanted), part.method)


def _make_body(wanted: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for expression, kind in wanted:
        keys = split_plain_path(expression)
        if keys is None:
            continue
        *path, last = keys
        inside = body
        for key in path:
            nested = inside.get(key)
            inside[key] = inside = nested if isinstance(nested, dict) else {}
        inside.setdefault(last, kind)
    return body

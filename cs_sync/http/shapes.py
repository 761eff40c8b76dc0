"""Whether an answer contains what it should: any JSON with a good status is not enough."""

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any

from cs_sync.contracts.http import Body, Shape

_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number"}


def shape_of(shapes: Sequence[Shape], method: str, path: str) -> Shape | None:
    """The first shape that is meant for a request."""
    for shape in shapes:
        if shape.method in ("", method) and re.search(shape.path, path):
            return shape
    return None


def misfit(document: Any, body: Body) -> str:
    """What is wrong with a document, as the end of a sentence; empty when nothing is."""
    if not isinstance(body, Mapping):
        return "" if isinstance(document, body) else f"is not {_name(body)}"
    if not isinstance(document, dict):
        return "is not an object"
    for name, part in body.items():
        if name not in document:
            return f"has no {name!r}"
        if wrong := misfit(document[name], part):
            return f"has a {name!r} that {wrong}"
    return ""


def _name(kind: type | UnionType) -> str:
    kinds = kind.__args__ if isinstance(kind, UnionType) else (kind,)
    return " or ".join(
        _NAMES.get(one, "null" if one is type(None) else one.__name__) for one in kinds
    )

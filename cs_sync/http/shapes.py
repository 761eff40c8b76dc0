"""Checks of response bodies: a good status with any JSON is not enough."""

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any

from cs_sync.contracts.http import Body, Shape

MAX_NAMES = 6
"""So many names of an answer without the expected one stand in a message."""
_NAME = re.compile(r"[A-Za-z_]\w{0,30}")
_ERRORS = ("error", "errors", "warnings", "messages", "details")
_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number"}


def find_shape(shapes: Sequence[Shape], method: str, path: str) -> Shape | None:
    """Return the first shape for this request; None if there is none."""
    for shape in shapes:
        if shape.method in ("", method) and re.search(shape.path, path):
            return shape
    return None


def holds_records(document: Any) -> bool:
    """Return whether an object has a list of objects, as of records.

    By whatever name. So it is not notice of a proxy or of an outage. Errors come in lists, too.
    """
    if not isinstance(document, dict):
        return False
    for name, part in document.items():
        if isinstance(part, list) and part and isinstance(part[0], dict) and name not in _ERRORS:
            return True
        if holds_records(part):
            return True
    return False


def describe_mismatch(document: Any, body: Body) -> str:
    """Describe a document's mismatch as the end of a sentence."""
    if not isinstance(body, Mapping):
        return "" if isinstance(document, body) else f"is not {_name_type(body)}"
    if not isinstance(document, dict):
        return "is not an object"
    for name, part in body.items():
        if name not in document:
            return f"has no {name!r}{_list_names(document)}"
        if wrong := describe_mismatch(document[name], part):
            return f"has a {name!r} that {wrong}"
    return ""


def _list_names(document: Mapping[str, Any]) -> str:
    """Return the first names that an object has, in brackets."""
    names = [name for name in document if _NAME.fullmatch(name)][:MAX_NAMES]
    return f" (but {', '.join(names)})" if names else ""


def _name_type(kind: type | UnionType) -> str:
    kinds = kind.__args__ if isinstance(kind, UnionType) else (kind,)
    return " or ".join(
        _NAMES.get(value_type, "null" if value_type is type(None) else value_type.__name__)
        for value_type in kinds
    )

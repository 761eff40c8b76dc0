"""JMESPath expressions, and texts with expressions in braces."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult
from pydantic import AfterValidator, BaseModel, ConfigDict

_BRACES = re.compile(r"\{([^{}]+)\}")
_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
CACHE_SIZE = 2048


class Part(BaseModel):
    """A part of a description: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


@lru_cache(CACHE_SIZE)
def _compile(expression: str) -> tuple[tuple[str, ...], ParsedResult]:
    """Return the keys of a plain path, and the expression.

    Keys need no interpreter.
    """
    return tuple(split_plain_path(expression) or ()), jmespath.compile(expression)


def evaluate_expression(expression: str, document: Any) -> Any:
    """Return what a JMESPath expression finds; None without a match."""
    keys, compiled = _compile(expression)
    if not keys:
        return compiled.search(document)
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def fill_template(template: Any, document: Any, *, in_path: bool = False) -> Any:
    """Fill the expressions of a text; None if one finds nothing.

    A text that is one expression alone keeps the type of what it finds.

    Args:
        template: A text with JMESPath expressions in braces; any other value is returned.
        document: Where they search.
        in_path: Whether the values are parts of a URL's path, and escaped.
    """
    if not isinstance(template, str):
        return template
    if not in_path and (alone := _BRACES.fullmatch(template)):
        return evaluate_expression(alone[1], document)
    values = {match: evaluate_expression(match, document) for match in _BRACES.findall(template)}
    if any(value is None for value in values.values()):
        return None
    texts = {name: quote(str(v), safe="") if in_path else str(v) for name, v in values.items()}
    return _BRACES.sub(lambda match: texts[match[1]], template)


def list_expressions(template: Any) -> list[str]:
    """Return the expressions in the braces of a text."""
    return _BRACES.findall(template) if isinstance(template, str) else []


def split_plain_path(expression: str) -> list[str] | None:
    """Return the keys of `a.b.c`; None if the expression does more."""
    return expression.split(".") if _PLAIN.fullmatch(expression) else None


def list_root_keys(expression: str) -> set[str]:
    """Return the keys of an object by which an expression begins."""
    return set(_walk_roots(_compile(expression)[1].parsed))


def _walk_roots(node: Any) -> Iterator[str]:
    """Yield the keys of the object that a part begins with."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"]
    elif kind in _APPLIED_TO_THE_FIRST:
        yield from _walk_roots(children[0])
    elif kind != "expref":
        for child in children:
            yield from _walk_roots(child)


_APPLIED_TO_THE_FIRST = {
    "subexpression", "index_expression", "pipe", "flatten", "projection", "value_projection",
    "filter_projection", "slice",
}  # fmt: skip
"""Kinds of expressions whose other parts see what the first one found."""


def make_path_pattern(template: str) -> str:
    """Return the regular expression of a path whose braces may hold anything."""
    parts = [re.escape(part) for part in _BRACES.split(template)[::2]]
    return "[^/]+".join(parts) + "$"


def _require_expression(text: str) -> str:
    try:
        _compile(text)
    except JMESPathError as error:
        why = str(error).splitlines()[0]
        raise ValueError(f"{text!r} is not a JMESPath expression: {why}") from None
    return text


def _require_template(text: str) -> str:
    for expression in list_expressions(text):
        _require_expression(expression)
    return text


Expression = Annotated[str, AfterValidator(_require_expression)]
Template = Annotated[str, AfterValidator(_require_template)]

"""Mistakes in the configuration file: key, message, line and remedy."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_origin
from zoneinfo import available_timezones

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from cs_sync.contracts.errors import ConfigError
from cs_sync.health.profile_error import ProfileError
from cs_sync.settings import describe_place, flatten_types

_HIDDEN = "•••"
_MAX_LISTED = 60
_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]")
_ASSIGNMENT = re.compile(r"\s*([\w.\"-]+)\s*=")


class Problem(Struct, frozen=True):
    """A mistake at one key."""

    key: str
    message: str
    remedy: str


def suggest_nearest(word: str, candidates: Collection[str]) -> str:
    """Return the remedy for a wrong word: the most similar, else all."""
    close = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    listed = ", ".join(sorted(candidates)[:_MAX_LISTED])
    more = ", …" if len(candidates) > _MAX_LISTED else ""
    return f"valid names: {listed}{more}" if candidates else "remove it"


def _suggest_zone(word: str) -> str:
    """Return the remedy for a wrong time zone.

    The zones are too many to list, and often only a city is given.
    """
    zones = {zone for zone in available_timezones() if "/" in zone or zone == "UTC"}
    cities = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones, reverse=True)}
    requested = word.strip().replace(" ", "_")
    close = difflib.get_close_matches(requested, zones, n=1) or [
        cities[city]
        for city in difflib.get_close_matches(requested.lower(), cities, n=1, cutoff=0.75)
    ]
    return f"did you mean {close[0]}?" if close else "write it like Europe/Warsaw, or UTC"


def convert_validation_error(
    error: ValidationError, model: type[BaseModel], prefix: str, value: Any
) -> list[Problem]:
    """Convert pydantic's errors to our wording; never quote a possible secret."""
    problems = []
    details = error.errors(include_url=False, include_input=False)
    places = {detail["loc"][:-1] for detail in details if detail["loc"]}
    for detail in details:
        if detail["type"] == "too_short" and detail["loc"] in places:
            continue  # it is short of what is refused inside of it
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, ProfileError):
            key = f"{prefix}.profiles.{cause.name}"
            problems += convert_validation_error(cause.errors, model, key, None)
            continue
        loc = [part for part in detail["loc"] if not _is_union_branch(part)]
        key = ".".join([prefix, *(part for part in loc if isinstance(part, str))]).strip(".")
        problem = replace(_convert_detail(detail, model, loc, value), key=key)
        if not loc and problem.remedy == "correct it":
            problem = replace(problem, remedy=f"correct [{prefix}]")
        place = describe_place([part for part in loc if isinstance(part, int)])
        located = f"{place}: {problem.message}" if place else problem.message
        problems.append(replace(problem, message=located))
    return list(dict.fromkeys(problems))


def raise_problems(problems: Sequence[Problem], path: Path, text: str, hide: set[str]) -> None:
    """Raise one ConfigError that lists every problem; do nothing without any.

    Args:
        problems: The problems.
        path: The configuration file.
        text: Its content, to find the lines.
        hide: Values to mask.
    """
    if not problems:
        return
    texts = [_redact(_add_location(problem, path, text), hide) for problem in problems]
    remedies = [_redact(problem.remedy, hide) for problem in problems]
    if len(problems) == 1:
        raise ConfigError(texts[0], remedies[0])
    lines = [
        f"{description}\n      → {do}" for description, do in zip(texts, remedies, strict=True)
    ]
    raise ConfigError(
        f"{path.name} has {len(problems)} mistakes:\n    " + "\n    ".join(lines),
        f"correct them in {path}",
    )


def collect_secret_values(model: type[BaseModel], table: Any) -> set[str]:
    """Return all values of secret fields in the file, at any depth."""
    return {str(value) for _, value in iterate_secret_fields(model, table, "")} - {"None", ""}


def iterate_secret_fields(
    model: type[BaseModel], table: Any, key: str
) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) of every secret field that is set.

    At any depth of the table.
    """
    if not isinstance(table, Mapping):
        return
    for name, field in model.model_fields.items():
        named = field.alias or name
        value, at = table.get(named), f"{key}.{named}"
        if named in table and SecretStr in flatten_types(field.annotation):
            yield from _list_values(value, at)
        for inner in _find_models(field.annotation):
            yield from iterate_secret_fields(inner, value, at)
            for part, candidate in value.items() if isinstance(value, Mapping) else ():
                yield from iterate_secret_fields(inner, candidate, f"{at}.{part}")


def _list_values(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) of everything in a table, at any depth."""
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, inner in value.items():
        yield from _list_values(inner, f"{key}.{name}")


def _add_location(problem: Problem, path: Path, text: str) -> str:
    line = _find_line(problem.key, text)
    where = f"{path.name}, line {line}" if line else path.name
    return f"{where}: {problem.key}: {problem.message}"


def _redact(text: str, hide: set[str]) -> str:
    for value in sorted(hide, key=len, reverse=True):
        if len(value) >= 4:
            text = text.replace(value, _HIDDEN)
    return text


_EXPECTED = {
    "bool": "true or false",
    "dict": "a table",
    "float": "a number",
    "frozen_set": "a list",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a table",
    "model": "a table",
    "path": "a path",
    "set": "a list",
    "string": "a text",
    "tuple": "a list",
}
"""What pydantic's kinds are in TOML."""

_WRONG_KIND = re.compile(r"(\w+?)(_type|_parsing|_from_float|_attributes_type)")


def _convert_detail(
    detail: ErrorDetails, model: type[BaseModel], loc: Sequence[int | str], table: Any
) -> Problem:
    """Return one of pydantic's errors as a problem, still without its key."""
    kind, name = detail["type"], _name_key(loc)
    if kind == "extra_forbidden":
        known = _list_keys(_find_model(model, loc[:-1]))
        return Problem("", "unknown key", suggest_nearest(name, known))
    described = _describe_field(model, loc)
    if kind == "missing":
        remedy = f"add {name} = …{described}"
        if loc and isinstance(loc[-1], int):
            remedy = f"correct {name}{described}"
        return Problem("", "is missing", remedy)
    if kind in ("value_error", "assertion_error"):
        message, _, remedy = detail["msg"].partition(", ")[2].rpartition("; ")
        return Problem("", message or remedy, remedy if message else f"correct {name}{described}")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _convert_tag(detail, name)
    value = _find_value(table, loc)
    if kind == "zoneinfo_str":
        return Problem("", "unknown time zone", _suggest_zone(str(value)))
    wrong = _WRONG_KIND.fullmatch(kind)
    if wrong and (expected := _EXPECTED.get(wrong[1])):
        return Problem("", f"must be {expected}", f"correct {name}{described}")
    message = re.sub(r"\b(Input|String|Number|Value|Tuple|List) should", "must", detail["msg"])
    message = message.replace(" after validation", "")
    if kind == "literal_error" and isinstance(value, str):
        return Problem("", message, suggest_nearest(value, re.findall(r"'([^']+)'", message)))
    return Problem("", message, f"correct {name}{described}")


def _convert_tag(detail: ErrorDetails, name: str) -> Problem:
    """Return the problem of a table whose kind is unknown or missing."""
    context = detail.get("ctx", {})
    key = str(context.get("discriminator", "")).strip("'")
    if "tag" not in context:
        return Problem("", f"{key} is missing", f"add {key} = … to {name}")
    expected = context["expected_tags"]
    known = re.findall(r"'([^']+)'", expected)
    return Problem("", f"{key} must be one of {expected}", suggest_nearest(context["tag"], known))


def _name_key(loc: Sequence[int | str]) -> str:
    """Return the last key of a place, or its list's key."""
    return next((part for part in reversed(loc) if isinstance(part, str)), "it")


def _describe_field(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """Return the description of a place's field, after a colon."""
    for end in range(len(loc), 0, -1):
        parent = _find_model(model, loc[: end - 1])
        for name, field in parent.model_fields.items() if parent else ():
            if loc[end - 1] in (name, field.alias):
                return f": {field.description}" if field.description else ""
    return ""


def _find_model(model: type[BaseModel] | None, loc: Sequence[int | str]) -> type[BaseModel] | None:
    """Return the model of the table at `loc`, if any."""
    named = False
    for part in loc:
        if named or isinstance(part, int):  # the user's own name of a table, or a place in a list
            named = False
            continue
        fields = model.model_fields if model else {}
        field = next((f for name, f in fields.items() if part in (name, f.alias)), None)
        if field is None:
            return None
        inner = _find_models(field.annotation)
        model = inner[0] if inner else None
        named = get_origin(field.annotation) in (dict, Mapping)
    return model


def _list_keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [
        field.alias or name for name, field in model.model_fields.items() if field.exclude is None
    ]


def _find_models(annotation: Any) -> list[type[BaseModel]]:
    return [
        t for t in flatten_types(annotation) if isinstance(t, type) and issubclass(t, BaseModel)
    ]


def _find_value(value: Any, loc: Sequence[int | str]) -> Any:
    for part in loc:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _is_union_branch(part: int | str) -> bool:
    """Return whether part of a location names a union's branch."""
    return isinstance(part, str) and ("[" in part or part in ("str", "int", "float", "none"))


def _find_line(key: str, text: str) -> int | None:
    """Return the line that sets a dotted key, else its nearest table's."""
    around: tuple[int, int] | None = None
    inside: int | None = None
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        name = None if header else _ASSIGNMENT.match(line)
        if header:
            table = full = header[1].replace('"', "")
        elif name:
            full = f"{table}.{name[1]}".strip(".").replace('"', "")
        else:
            continue
        if f"{key}.".startswith(f"{full}."):
            around = max(around or (0, 0), (len(full), number), key=lambda match: match[0])
        elif inside is None and full.startswith(f"{key}."):
            inside = number
    return around[1] if around else inside

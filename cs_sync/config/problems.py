"""Mistakes in the file, said so that a person can correct them: key, what, line, remedy."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin
from zoneinfo import available_timezones

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from cs_sync.contracts.errors import ConfigError

_HIDDEN = "•••"
_LISTED = 60
_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]")
_ASSIGNMENT = re.compile(r"\s*([\w.\"-]+)\s*=")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, at one key."""

    key: str
    message: str
    remedy: str


def nearest(word: str, known: Collection[str]) -> str:
    """A remedy for a wrong word: the known one that is most like it, else all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    some = ", ".join(sorted(known)[:_LISTED])
    more = ", …" if len(known) > _LISTED else ""
    return f"known here: {some}{more}" if known else "remove it"


def _zone_like(word: str) -> str:
    """A remedy for a wrong zone; they are too many to list, and often a city alone is given."""
    zones = {zone for zone in available_timezones() if "/" in zone or zone == "UTC"}
    cities = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones, reverse=True)}
    asked = word.strip().replace(" ", "_")
    close = difflib.get_close_matches(asked, zones, n=1) or [
        cities[city] for city in difflib.get_close_matches(asked.lower(), cities, n=1, cutoff=0.75)
    ]
    return f"did you mean {close[0]}?" if close else "write it like Europe/Warsaw, or UTC"


def problems_of(
    error: ValidationError, model: type[BaseModel], prefix: str, given: Any
) -> list[Problem]:
    """What pydantic found, in our words; no value that could be a secret is repeated."""
    found = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        loc = [part for part in detail["loc"] if not _is_branch(part)]
        key = ".".join([prefix, *map(str, loc)]).strip(".")
        message, remedy = _said(detail, model, loc, given)
        found.append(Problem(key, message, remedy))
    return list(dict.fromkeys(found))


def raise_problems(problems: Sequence[Problem], path: Path, text: str, hide: set[str]) -> None:
    """One ConfigError that lists every problem; nothing when there is none."""
    if not problems:
        return
    texts = [_redacted(_located(problem, path, text), hide) for problem in problems]
    remedies = [_redacted(problem.remedy, hide) for problem in problems]
    if len(problems) == 1:
        raise ConfigError(texts[0], remedies[0])
    lines = [f"{said}\n      → {do}" for said, do in zip(texts, remedies, strict=True)]
    raise ConfigError(
        f"{path.name} has {len(problems)} mistakes:\n    " + "\n    ".join(lines),
        f"correct them in {path}",
    )


def secret_values(model: type[BaseModel], given: Any) -> set[str]:
    """Return every text that the file gives for a secret field of the model, however deep."""
    return {str(value) for _, value in secret_fields(model, given, "")} - {"None", ""}


def secret_fields(model: type[BaseModel], given: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) for every secret field of the model that `given` sets, however deep."""
    if not isinstance(given, Mapping):
        return
    for name, field in model.model_fields.items():
        named = field.alias or name
        value, at = given.get(named), f"{key}.{named}"
        if named in given and SecretStr in _types(field.annotation):
            yield at, value
        for inner in _models(field.annotation):
            yield from secret_fields(inner, value, at)
            for part, candidate in value.items() if isinstance(value, Mapping) else ():
                yield from secret_fields(inner, candidate, f"{at}.{part}")


def _located(problem: Problem, path: Path, text: str) -> str:
    line = _line_of(problem.key, text)
    where = f"{path.name}, line {line}" if line else path.name
    return f"{where}: {problem.key}: {problem.message}"


def _redacted(text: str, hide: set[str]) -> str:
    for value in sorted(hide, key=len, reverse=True):
        if len(value) >= 4:
            text = text.replace(value, _HIDDEN)
    return text


def _said(
    detail: ErrorDetails, model: type[BaseModel], loc: Sequence[int | str], given: Any
) -> tuple[str, str]:
    """(message, remedy) for one of pydantic's findings."""
    kind, last = detail["type"], str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        known = _keys(_at(model, loc[:-1]))
        return "unknown key", nearest(last, known)
    if kind == "missing":
        return "is missing", f"add {last} = …{_described(model, loc)}"
    if kind in ("value_error", "assertion_error"):
        message, _, remedy = detail["msg"].partition(", ")[2].rpartition("; ")
        return (message or remedy), (
            remedy if message else f"correct {last or 'it'}{_described(model, loc)}"
        )
    value = _value_at(given, loc)
    message = re.sub(r"\b(Input|String|Number|Value) should", "must", detail["msg"])
    if kind == "zoneinfo_str":
        return "unknown time zone", _zone_like(str(value))
    if kind == "literal_error" and isinstance(value, str):
        return message, nearest(value, re.findall(r"'([^']+)'", message))
    return message, f"correct {last or 'it'}{_described(model, loc)}"


def _described(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    parent = _at(model, loc[:-1])
    if parent is None or not loc:
        return ""
    for name, field in parent.model_fields.items():
        if loc[-1] in (name, field.alias) and field.description:
            return f": {field.description}"
    return ""


def _at(model: type[BaseModel] | None, loc: Sequence[int | str]) -> type[BaseModel] | None:
    """The model of the table at `loc`, through mappings and lists; None when there is none."""
    named = False
    for part in loc:
        if named or isinstance(part, int):  # the user's own name of a table, or a place in a list
            named = False
            continue
        fields = model.model_fields if model else {}
        field = next((f for name, f in fields.items() if part in (name, f.alias)), None)
        if field is None:
            return None
        inner = _models(field.annotation)
        model = inner[0] if inner else None
        named = get_origin(field.annotation) in (dict, Mapping)
    return model


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [
        field.alias or name for name, field in model.model_fields.items() if field.exclude is None
    ]


def _types(annotation: Any) -> list[Any]:
    """The plain types that an annotation is made of."""
    if get_origin(annotation) is None:
        return [annotation]
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        arguments = arguments[:1]
    return [plain for argument in arguments for plain in _types(argument)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [t for t in _types(annotation) if isinstance(t, type) and issubclass(t, BaseModel)]


def _value_at(given: Any, loc: Sequence[int | str]) -> Any:
    for part in loc:
        try:
            given = given[part]
        except (KeyError, IndexError, TypeError):
            return None
    return given


def _is_branch(part: int | str) -> bool:
    """Whether this part of a location names a branch of a union instead of a key."""
    return isinstance(part, str) and ("[" in part or part in ("str", "int", "float", "none"))


def _line_of(key: str, text: str) -> int | None:
    """The line that sets a dotted key; else of the nearest table around it, else inside it."""
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
            around = max(around or (0, 0), (len(full), number), key=lambda found: found[0])
        elif inside is None and full.startswith(f"{key}."):
            inside = number
    return around[1] if around else inside

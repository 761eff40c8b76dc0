"""Base of every table of the configuration file: what TOML gives is not reinterpreted."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Settings(BaseModel):
    """A table of the file: unknown keys are errors, values are frozen.

    Pydantic would take true for 1, 1 for true and 9 for nine seconds past midnight; here they
    are errors, at any depth of a field. A text may be a number, as `env:NAME` gives texts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_reinterpretation(cls, value: Any, info: ValidationInfo) -> Any:
        types = _list_field_types(cls, str(info.field_name))
        for place, expected in _find_reinterpreted(types, value):
            where = f"{describe_place(place)}: " if place else ""
            raise ValueError(f"{where}must be {expected}")
        return value


@cache
def _list_field_types(model: type[BaseModel], field: str) -> list[Any]:
    return flatten_types(model.model_fields[field].annotation)


def flatten_types(annotation: Any) -> list[Any]:
    """Return the plain types of an annotation, also those inside its containers."""
    if get_origin(annotation) is None:
        return [annotation]
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        arguments = arguments[:1]
    return [plain for argument in arguments for plain in flatten_types(argument)]


def describe_place(place: Sequence[int | str]) -> str:
    """Describe a place inside a value in words: item 2, part 1."""
    kinds = iter(["item", *["part"] * len(place)])
    return ", ".join(
        f"{next(kinds)} {part + 1}" if isinstance(part, int) else part for part in place
    )


def _find_reinterpreted(
    types: Sequence[Any], value: Any
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield the place of each reinterpreted value, and what is expected.

    A value of another kind.
    """
    parts: Mapping[Any, Any] = {}
    if isinstance(value, Mapping):
        parts = value
    elif isinstance(value, list | tuple):
        parts = dict(enumerate(value))
    elif expected := _find_expected(types, value):
        yield (), expected
    for name, inner in parts.items():
        for place, expected in _find_reinterpreted(types, inner):
            yield (name, *place), expected


def _find_expected(types: Sequence[Any], value: Any) -> str | None:
    """Return the expected kind instead of this number or boolean."""
    numbers = [kind for kind in (float, int) if kind in types]
    if isinstance(value, bool):
        if numbers and bool not in types:
            return "a number" if float in numbers else "a whole number"
    elif not isinstance(value, int | float) or numbers:
        return None
    elif bool in types:
        return "true or false"
    if date in types:
        return "a date like 2026-12-25"
    return 'a time like "09:00"' if time in types else None
